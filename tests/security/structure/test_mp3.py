"""An MP3 is accepted when frames of sound stand at both its ends, between tags."""

from __future__ import annotations

import contextlib
import io
import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors.base import ServiceError
from security.structure.mp3 import inspect_mp3
from security.structure.mpeg_frame import frame_bytes
from tests import samples
from tests.files.audio import id3, id3v1, mp3, mp3_frames
from tests.security.structure.variations import find_changes, samples_of
from tests.security.structure.verdicts import verdict_of

REAL = mp3()
FRAMES = mp3_frames(6)
APE = b"APETAGEX" + struct.pack("<IIII", 2000, 32, 0, 0) + bytes(8)
LYRICS = b"LYRICSBEGIN" + b"IND00002" + b"10" + b"000021LYRICS200"
FOOTED = b"ID3\4\0\x10\0\0\0\0" + b"3DI\4\0\x10\0\0\0\0"


def verdict(content: bytes) -> str:
    return verdict_of(inspect_mp3, content)


@pytest.mark.property
@given(
    frames=st.integers(2, 200),
    version=st.sampled_from([3, 4]),
    picture=st.sampled_from([0, 5000, 300_000]),
    is_old=st.booleans(),
)
def test_frames_between_tags_are_accepted(
    frames: int, version: int, picture: int, is_old: bool
) -> None:
    content = id3(version, picture=picture) + mp3_frames(frames) + (id3v1() if is_old else b"")

    assert verdict(content) == "accepted"


@pytest.mark.property
@given(content=st.binary(max_size=80) | st.binary(max_size=80).map(lambda end: REAL[:500] + end))
def test_any_bytes_are_accepted_or_refused_by_the_catalogue(content: bytes) -> None:
    with contextlib.suppress(ServiceError):
        inspect_mp3(io.BytesIO(content), len(content))


@pytest.mark.property
@given(cut=st.integers(0, 400))
def test_a_last_frame_that_is_cut_short_is_accepted(cut: int) -> None:
    assert verdict(REAL[: len(REAL) - 128 - cut]) == "accepted"


@pytest.mark.parametrize("end", [b"", bytes(700), APE, APE + id3v1(), LYRICS + id3v1(), FOOTED])
@pytest.mark.parametrize("start", [b"", id3(3), id3(4) + bytes(3000), id3() + id3(3), FOOTED[:20]])
@pytest.mark.parametrize("sound", [REAL[:-128], FRAMES], ids=["tone", "silence"])
def test_tags_and_padding_may_stand_around_the_sound(
    start: bytes, sound: bytes, end: bytes
) -> None:
    assert verdict(start + sound + end) == "accepted"


def test_an_ape_tag_with_its_header_is_accepted() -> None:
    tag = b"APETAGEX" + struct.pack("<IIII", 2000, 50, 1, 0xA0000000) + bytes(8)
    end = b"APETAGEX" + struct.pack("<IIII", 2000, 50, 1, 0x80000000) + bytes(8)

    assert verdict(REAL[:-128] + tag + b"x" * 18 + end) == "accepted"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        id3(),
        bytes(1000),
        b"\xff\xfb\x90\x00" + bytes(413),
        b"\xff" * 1000,
        b"hello " * 100,
        b"ID3\4\0\0\0\0\0\x80" + FRAMES,
        b"ID3\4\0\0\x7f\x7f\x7f\x7f" + FRAMES,
        FOOTED[:10] * 40 + FRAMES,
    ],
)
def test_what_has_no_frames_is_corrupt(content: bytes) -> None:
    assert verdict(content) == "corrupt_content"


ARCHIVE = samples.archive({"a.txt": "hello"})


@pytest.mark.parametrize(
    "content",
    [
        FRAMES + ARCHIVE,
        id3() + REAL[:-128] + ARCHIVE + id3v1(),
        FRAMES + b"Rar!\x1a\x07\0" + b"x" * 5000,
        FRAMES + b"#!/bin/sh\n" * 1000,
        FRAMES * 200 + b"\x7fELF" + b"\x01" * 100_000,
        id3(title="%PDF-1.7 ") + FRAMES,
    ],
    ids=["archive", "archive before a tag", "rar", "script", "program", "document"],
)
def test_an_mp3_that_is_something_else_as_well_is_ambiguous(content: bytes) -> None:
    assert verdict(content) == "ambiguous_content"


@pytest.mark.parametrize(
    ("header", "length"),
    [
        ("fffb9000", 417),  # MPEG 1 layer III, 128 kbit/s at 44.1 kHz
        ("fffb9200", 418),  # and padding
        ("fff380c4", 208),  # MPEG 2 layer III, 64 kbit/s at 22.05 kHz
        ("ffe318c4", 72),  # MPEG 2.5 layer III, 8 kbit/s at 8 kHz
        ("fffd9000", 522),  # MPEG 1 layer II, 160 kbit/s at 44.1 kHz
        ("ffff9000", 312),  # MPEG 1 layer I, 288 kbit/s at 44.1 kHz
        *(("fffbf000", 0), ("fffb0000", 0), ("fffb9c00", 0), ("ffeb9000", 0), ("fff99000", 0)),
        *(("fefb9000", 0), ("ff", 0), ("", 0)),
    ],
)
def test_a_header_says_how_long_its_frame_is(header: str, length: int) -> None:
    assert frame_bytes(bytes.fromhex(header), 0) == length


@pytest.mark.parametrize("unit", [b"\xff\xfb\x90\x00", b"\xff\xf3\x18\xc4", b"\xff\xe3", b"\xff"])
def test_bytes_made_to_look_like_headers_take_no_time(unit: bytes) -> None:
    content = unit * (1_000_000 // len(unit))
    started = time.process_time()

    verdict(content)

    assert time.process_time() - started < 2


@samples_of("audio/mpeg")
def test_no_variation_of_a_file_is_judged_otherwise_unnoticed(name: str) -> None:
    assert find_changes(name) == []
