"""The length of each tag around the sound, to the byte and to the flag."""

from __future__ import annotations

import io
import struct

import pytest

from errors import catalogue
from security.audio_tags import skip_leading_tags, skip_trailing_tags, synchsafe
from tests.files.audio import id3v1

SOUND = b"\xff\xfb" + b"s" * 300


def find_start(content: bytes) -> int:
    return skip_leading_tags(io.BytesIO(content), len(content))


def find_end(content: bytes, start: int = 0) -> int:
    return skip_trailing_tags(io.BytesIO(content), start, len(content))


def id3_head(name: bytes = b"ID3", flags: int = 0, length: bytes = b"\0\0\0\x07") -> bytes:
    return name + b"\4\0" + bytes([flags]) + length


@pytest.mark.parametrize("flags", range(256))
def test_one_flag_of_an_id3_tag_tells_of_its_footer(flags: int) -> None:
    length = 27 if flags & 16 else 17

    assert find_start(id3_head(flags=flags) + bytes(17) + SOUND) == length
    assert find_end(SOUND + bytes(30) + id3_head(b"3DI", flags)) == len(SOUND) + 40 - length


def test_an_id3_tag_may_reach_to_the_last_byte_and_no_further() -> None:
    assert find_start(id3_head() + bytes(7)) == 17
    with pytest.raises(catalogue.CorruptContent):
        find_start(id3_head() + bytes(6))


@pytest.mark.parametrize("content", [b"ID3\4\0\0\0\0\0", b"", b"IC3\4\0\0\0\0\0\1x", b"ID4" * 5])
def test_what_is_no_whole_header_is_no_tag(content: bytes) -> None:
    assert find_start(content) == 0


def test_fifteen_leading_tags_are_skipped_and_sixteen_are_too_many() -> None:
    tag = id3_head() + bytes(7)

    assert find_start(tag * 15 + SOUND) == 15 * 17
    with pytest.raises(catalogue.CorruptContent):
        find_start(tag * 16 + SOUND)


def test_sixteen_trailing_tags_are_left_out_and_no_more() -> None:
    assert find_end(SOUND + id3v1() * 16) == len(SOUND)
    assert find_end(SOUND + id3v1() * 17) == len(SOUND) + 128


def test_each_byte_of_a_length_counts_seven_bits() -> None:
    assert synchsafe(b"\1\2\3\4") == (1 << 21) + (2 << 14) + (3 << 7) + 4
    assert synchsafe(b"\x7f\x7f\x7f\x7f") == 2**28 - 1
    for place in range(4):
        with pytest.raises(catalogue.CorruptContent):
            synchsafe(bytes(place) + b"\x80" + bytes(3 - place))


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 40, 72, 256, 300])
@pytest.mark.parametrize("flags", [0, 1 << 31, (1 << 31) - 1, (1 << 32) - 1, 1 << 30])
def test_an_ape_tag_has_the_length_it_tells_and_a_header_by_its_flag(
    length: int, flags: int
) -> None:
    footer = b"APETAGEX" + struct.pack("<IIII", 2000, length, 1, flags) + bytes(8)
    content = SOUND + b"a" * 400 + footer

    told = max(length, 32) + (32 if flags >> 31 else 0)
    assert find_end(content) == len(content) - told


@pytest.mark.parametrize("number", [0, 9, 11, 15, 100, 285])
def test_lyrics_have_the_length_they_tell(number: int) -> None:
    content = SOUND + b"a" * 300 + b"%06d" % number + b"LYRICS200"

    assert find_end(content) == len(content) - number - 15


@pytest.mark.parametrize("told", [b"00001x", b"  0011", b"-00011", b"LYRICS"])
def test_lyrics_of_no_number_are_none(told: bytes) -> None:
    content = SOUND + told + b"LYRICS200"

    assert find_end(content) == len(content)


@pytest.mark.parametrize("count", [226, 227, 228])
def test_the_extended_tag_has_one_length(count: int) -> None:
    content = SOUND + b"TAG+".ljust(count, b"x")

    assert find_end(content) == len(SOUND) + (0 if count == 227 else count)
    assert find_end(content[len(SOUND) :]) == (0 if count == 227 else count)


@pytest.mark.parametrize("count", [127, 128, 129])
def test_the_old_tag_has_one_length(count: int) -> None:
    content = SOUND + b"TAG".ljust(count, b"x")

    assert find_end(content) == len(SOUND) + (0 if count == 128 else count)
    assert find_end(content[len(SOUND) :]) == (0 if count == 128 else count)


def test_the_inside_of_an_ape_mark_is_no_old_tag() -> None:
    content = SOUND + b"TAGEX".ljust(128, b"x")

    assert find_end(content) == len(content)


@pytest.mark.parametrize("length", [b"\0\0\0\xff", b"\0\0\x80\0", b"\0\x80\0\0", b"\x80\0\0\0"])
def test_a_footer_whose_length_is_none_ends_no_tag(length: bytes) -> None:
    content = SOUND + bytes(300) + id3_head(b"3DI", length=length)

    assert find_end(content) == len(content)


def test_no_tag_behind_begins_before_the_sound() -> None:
    content = SOUND + id3v1()

    assert find_end(content, len(SOUND)) == len(SOUND)
    assert find_end(content, len(SOUND) + 1) == len(content)
