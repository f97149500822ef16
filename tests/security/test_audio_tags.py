"""Tags around the sound of a file are skipped by the lengths they tell, and by nothing else."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import catalogue
from security.audio_tags import skip_leading_tags, skip_trailing_tags, synchsafe
from tests.files.audio import id3, id3v1

LYRICS = b"LYRICSBEGIN" + b"IND0000210" + b"000021LYRICS200"
EXTENDED = b"TAG+".ljust(227, b"\0")
FOOTER = b"3DI\4\0\x10\0\0\0\7"
APPENDED = b"ID3\4\0\x10\0\0\0\7" + bytes(7) + FOOTER


def ape(content: bytes, *, has_header: bool) -> bytes:
    """An APEv2 tag; its length counts the footer and not the header."""
    flags = 1 << 31 if has_header else 0
    end = b"APETAGEX" + struct.pack("<IIII", 2000, len(content) + 32, 1, flags) + bytes(8)
    return (end if has_header else b"") + content + end


LEADING = st.lists(st.sampled_from([id3(3), id3(4), id3(picture=5000), APPENDED[:17] + bytes(10)]))
TRAILING = st.lists(
    st.sampled_from(
        [
            id3v1(),
            LYRICS,
            EXTENDED,
            APPENDED,
            ape(b"x" * 40, has_header=True),
            ape(b"", has_header=False),
        ]
    ),
    max_size=6,
)


@pytest.mark.property
@given(leading=LEADING.map(lambda tags: tags[:8]), sound=st.binary(max_size=40), trailing=TRAILING)
def test_the_sound_lies_between_the_tags(
    leading: list[bytes], sound: bytes, trailing: list[bytes]
) -> None:
    sound = b"\xff" + sound + b"\xff"
    start = b"".join(leading)
    content = start + sound + b"".join(trailing)
    source = io.BytesIO(content)

    assert skip_leading_tags(source, len(content)) == len(start)
    assert skip_trailing_tags(source, len(start), len(content)) == len(start) + len(sound)


@pytest.mark.property
@given(content=st.binary(max_size=300), end=st.sampled_from([b"", FOOTER, LYRICS, id3v1()]))
def test_of_any_bytes_the_sound_lies_in_the_file(content: bytes, end: bytes) -> None:
    source = io.BytesIO(content + end)
    size_bytes = len(content + end)
    try:
        start = skip_leading_tags(source, size_bytes)
    except catalogue.CorruptContent:
        start = 0

    assert 0 <= start <= skip_trailing_tags(source, start, size_bytes) <= size_bytes


@pytest.mark.parametrize(
    "content", [b"ID3\4\0\0\0\0\0\x0b" + bytes(10), b"ID3\4\0\0\0\0\x80\0", id3() * 16]
)
def test_a_tag_that_does_not_fit_is_corrupt(content: bytes) -> None:
    with pytest.raises(catalogue.CorruptContent):
        skip_leading_tags(io.BytesIO(content), len(content))


@pytest.mark.parametrize("end", [ape(b"", has_header=True)[32:], FOOTER, b"000099LYRICS200"])
def test_a_tag_behind_that_is_longer_than_the_sound_is_none(end: bytes) -> None:
    content = b"\xff" + end

    assert skip_trailing_tags(io.BytesIO(content), 0, len(content)) == len(content)


@pytest.mark.property
@given(number=st.integers(0, 2**28 - 1))
def test_a_length_has_seven_bits_in_each_byte(number: int) -> None:
    content = bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))

    assert synchsafe(content) == number
