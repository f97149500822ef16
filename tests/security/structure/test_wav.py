"""A WAV is accepted when it has a format and sound, and nothing but chunks around them."""

from __future__ import annotations

import contextlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors.base import ServiceError
from security.structure import wav as gate
from security.structure.wav import inspect_wav
from tests import samples
from tests.files.audio import chunk, id3, id3v1, info_list, pcm_format, riff, wav
from tests.security.structure.variations import find_changes, samples_of
from tests.security.structure.verdicts import verdict_of

FORMAT = pcm_format()
SOUND = chunk(b"data", b"\x01\x02" * 400)
WHOLE = riff(FORMAT, SOUND)


def verdict(content: bytes) -> str:
    return verdict_of(inspect_wav, content)


@pytest.mark.property
@given(
    channels=st.integers(1, 8),
    width_bytes=st.integers(1, 4),
    rate=st.integers(1, 200_000),
    samples_=st.integers(0, 50),
)
def test_what_python_writes_is_accepted(
    channels: int, width_bytes: int, rate: int, samples_: int
) -> None:
    assert verdict(wav(samples_, channels, width_bytes, rate)) == "accepted"


@pytest.mark.property
@given(content=st.binary(max_size=80) | st.binary(max_size=80).map(lambda end: WHOLE[:60] + end))
def test_any_bytes_are_accepted_or_refused_by_the_catalogue(content: bytes) -> None:
    with contextlib.suppress(ServiceError):
        inspect_wav(io.BytesIO(content), len(content))


@pytest.mark.property
@given(kept=st.integers(0, len(WHOLE) - 2))
def test_a_wav_that_is_cut_short_is_corrupt(kept: int) -> None:
    assert verdict(WHOLE[:kept]) == "corrupt_content"


@pytest.mark.parametrize(
    "content",
    [
        riff(FORMAT, info_list(INAM="A title"), SOUND),
        riff(FORMAT, SOUND, info_list(INAM="A title"), chunk(b"id3 ", id3())),
        riff(chunk(b"JUNK", bytes(28)), FORMAT, chunk(b"fact", bytes(4)), SOUND),
        riff(chunk(b"bext", bytes(603)), FORMAT, SOUND),
        riff(FORMAT, chunk(b"data", b"\x01" * 401)),
        riff(chunk(b"junk", bytes(28)), FORMAT, SOUND),
        riff(chunk(b"fmt ", FORMAT[8:] + bytes(24)), SOUND),
    ],
)
def test_chunks_may_stand_around_the_sound(content: bytes) -> None:
    assert verdict(content) == "accepted"


@pytest.mark.parametrize("length", [0, 0x7FFFF000, 0x80000000, 0xFFFFFFFF])
def test_what_was_written_to_a_pipe_has_no_lengths(length: int) -> None:
    sound = b"data" + length.to_bytes(4, "little") + b"\x01\x02" * 400

    assert verdict(riff(FORMAT, sound, length=length)) == "accepted"
    assert verdict(riff(FORMAT, sound, length=min(length + 36, 0xFFFFFFFF))) == "accepted"


@pytest.mark.parametrize(
    ("length", "expected"), [(0x7FFF0000, "accepted"), (0x7FFEFFFF, "corrupt_content")]
)
def test_a_length_is_believed_up_to_the_first_that_pipes_leave(length: int, expected: str) -> None:
    sound = b"data" + length.to_bytes(4, "little") + bytes(800)

    assert verdict(riff(FORMAT, SOUND, length=length)) == expected
    assert verdict(riff(FORMAT, sound)) == expected


def test_a_long_sound_that_is_all_there_ends_where_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "UNKNOWN_FROM_BYTES", 100)

    assert verdict(WHOLE + bytes(500)) == "accepted"
    assert verdict(WHOLE + b"\x7fELF") == "ambiguous_content"


@pytest.mark.parametrize("name", [b"RF64", b"BW64"])
def test_a_wav_with_long_lengths_is_accepted(name: bytes) -> None:
    content = riff(chunk(b"ds64", bytes(28)), FORMAT, b"data" + b"\xff" * 4 + bytes(400))

    assert verdict(name + b"\xff" * 4 + content[8:]) == "accepted"


@pytest.mark.parametrize(
    "content",
    [
        riff(FORMAT, b"data" + (401).to_bytes(4, "little") + b"\x01" * 401),
        riff(FORMAT, b"data" + (401).to_bytes(4, "little") + b"\x01" * 401 + info_list(INAM="ab")),
        WHOLE + info_list(INAM="A title"),
        WHOLE + bytes(500),
        WHOLE + id3v1(),
        riff(FORMAT, SOUND, bytes(3)),
    ],
    ids=["no padding", "no padding before a chunk", "uncounted", "zeros", "old tag", "few zeros"],
)
def test_what_untidy_writers_leave_is_accepted(content: bytes) -> None:
    assert verdict(content) == "accepted"


def test_an_even_length_has_no_padding() -> None:
    foreign = b"\xa9abc" + (4).to_bytes(4, "little") + bytes(4)

    assert verdict(riff(FORMAT, foreign, SOUND)) == "accepted"
    assert verdict(WHOLE + b"x") == "ambiguous_content"


@pytest.mark.parametrize("sound_bytes", [2, 100, 800])
def test_an_old_tag_is_the_last_of_the_file_whole(sound_bytes: int) -> None:
    content = riff(FORMAT, chunk(b"data", b"\x01" * sound_bytes)) + id3v1()

    assert verdict(content) == "accepted"
    assert verdict(content[:-1]) == verdict(content + b"x") == "corrupt_content"


@pytest.mark.parametrize(
    "content",
    [
        riff(SOUND),
        riff(FORMAT),
        riff(SOUND, FORMAT),
        riff(chunk(b"fmt ", bytes(15)), SOUND),
        riff(chunk(b"fmt ", FORMAT[8:23]), SOUND),
        riff(pcm_format(channels=0), SOUND),
        riff(pcm_format(rate=0), SOUND),
        riff(FORMAT, SOUND, form=b"WEBP"),
        riff(FORMAT, SOUND, form=b"AVI "),
        riff(FORMAT, chunk(b"LIST", b"INFO"), SOUND, length=5000),
        riff(FORMAT, b"LIST\xff\xff\xff\x00", SOUND),
        riff(FORMAT, SOUND, b"LIST\xff\xff\xff\x00"),
        b"RIFF",
        b"",
    ],
)
def test_a_wav_without_format_or_sound_is_corrupt(content: bytes) -> None:
    assert verdict(content) == "corrupt_content"


def test_too_many_chunks_are_refused() -> None:
    many = chunk(b"JUNK", b"") * 20_001

    assert verdict(riff(many, FORMAT, SOUND)) == "corrupt_content"
    assert verdict(riff(FORMAT, SOUND, many)) == "corrupt_content"


ARCHIVE = samples.archive({"a.txt": "hello"})


@pytest.mark.parametrize(
    "content",
    [
        WHOLE + ARCHIVE,
        WHOLE + b"\x7fELF" + bytes(60),
        riff(FORMAT, SOUND, chunk(b"JUNK", ARCHIVE)),
        riff(FORMAT, b"data\0\0\0\0" + ARCHIVE),
        riff(FORMAT, chunk(b"JUNK", b"%PDF-1.7"), SOUND),
    ],
    ids=["archive behind", "program behind", "archive in a chunk", "archive as sound", "document"],
)
def test_a_wav_that_is_something_else_as_well_is_ambiguous(content: bytes) -> None:
    assert verdict(content) == "ambiguous_content"


@samples_of("audio/vnd.wave")
def test_no_variation_of_a_file_is_judged_otherwise_unnoticed(name: str) -> None:
    assert find_changes(name) == []
