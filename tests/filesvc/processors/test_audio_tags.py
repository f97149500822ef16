"""Tags made to cost much cost nothing, and odd ones that programs write are read."""

from __future__ import annotations

import io
import struct
import time
import zlib
from typing import Any

import pytest

from errors import catalogue
from filesvc.processors.audio import describe_audio
from filesvc.processors.audio_sound import Window
from filesvc.processors.audio_tags import MAX_VALUES, pick_comments, pick_id3
from tests.files import audio
from tests.filesvc.processors.telling import tell

FRAMES = audio.mp3_frames(10)


def synchsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def tag(version: int, *frames: bytes, flags: int = 0) -> bytes:
    body = b"".join(frames)
    return b"ID3" + bytes((version, 0, flags)) + synchsafe(len(body)) + body


def frame(name: bytes, content: bytes, flags: bytes = b"\0\0") -> bytes:
    return name + struct.pack(">I", len(content)) + flags + content


def tags(content: bytes) -> dict[str, Any]:
    told: dict[str, Any] = tell(describe_audio, content + FRAMES)["tags"]
    return told


LONG_TITLE = b"\0" + b"long " * 40  # longer than seven bits count
TITLE = frame(b"TIT2", b"\0A title")


@pytest.mark.parametrize(
    "content",
    [
        tag(2, b"TT2\0\0\x08\0A title"),
        tag(3, TITLE),
        tag(3, frame(b"APIC", bytes(70_000)), TITLE),
        tag(3, struct.pack(">IHI", 6, 0, 0), TITLE, flags=0x40),
        tag(4, synchsafe(6) + b"\1\0", TITLE, flags=0x40),
        tag(3, TITLE, flags=0x40),
        tag(3, frame(b"TIT2", b"\1\xff\xfeA\0").replace(b"\xff", b"\xff\0"), flags=0x80),
        tag(4, frame(b"PRIV", LONG_TITLE), TITLE),
    ],
    ids=[
        *("2.2", "2.3", "after a picture", "extended 2.3", "extended 2.4", "flag without header"),
        *("unsynchronised", "plain length in 2.4"),
    ],
)
def test_a_title_is_found_in_every_kind_of_tag(content: bytes) -> None:
    assert tags(content)["title"] in ("A title", "A")


def test_year_day_and_time_of_older_tags_are_one_date() -> None:
    older = [frame(b"TYER", b"\x001999"), frame(b"TDAT", b"\x003112"), frame(b"TIME", b"\x002359")]

    assert tags(tag(3, *older))["date"] == "1999-12-31 23:59:00"


def test_an_old_tag_at_the_end_fills_what_the_new_one_leaves_open() -> None:
    told = tell(describe_audio, tag(3, TITLE) + FRAMES + audio.id3v1(b"Another"))["tags"]

    assert (told["title"], told["artist"], told["genre"]) == ("A title", "Someone", "Rock")


@pytest.mark.parametrize(
    "content",
    [
        tag(3, frame(b"TIT2", bytes(4) + zlib.compress(bytes(10_000_000)), b"\0\x80")),
        tag(4, frame(b"TIT2", zlib.compress(bytes(100_000))[:100], b"\0\x08")),
        tag(3, frame(b"TIT2", b"\0" + b"x" * 9000)),
        tag(3, frame(b"TIT2", b"")),
        tag(5, TITLE),
        tag(3),
        tag(3, b"\xff\xff\xff\xff" + bytes(30)),
    ],
    ids=["compressed", "compressed 2.4", "long", "empty", "later version", "nothing", "no frame"],
)
def test_what_no_title_looks_like_is_not_told(content: bytes) -> None:
    assert tags(content)["title"] is None


@pytest.mark.parametrize(
    "content",
    [
        tag(3, frame(b"TXXX", b"") * 1_000_000),
        tag(4, frame(b"TIT2", b"\0a") * 1_000_000),
        tag(3, frame(b"TIT2", bytes(8000)) * 1000),
        tag(3, b"TIT2\xff\xff\xff\xff\0\0" + bytes(10_000_000)),
    ],
)
def test_a_tag_of_many_frames_takes_no_time(content: bytes) -> None:
    started = time.process_time()

    tags(content)

    assert time.process_time() - started < 2


@pytest.mark.parametrize("count", [0, 5, 2**32 - 1])
def test_comments_that_claim_to_be_many_are_read_as_far_as_they_are_there(count: int) -> None:
    packet = struct.pack("<II", 0, count) + struct.pack("<I", 7) + b"TITLE=a" + b"\xff" * 3

    picked = pick_comments(packet)

    assert picked == struct.pack("<II", 0, bool(count)) + (packet[8:19] if count else b"")


def test_only_so_many_values_are_picked() -> None:
    comments = audio.comments(*[b"ARTIST=a"] * 1000)

    assert pick_comments(comments).count(b"ARTIST") == MAX_VALUES
    assert pick_id3(io.BytesIO(tag(3, TITLE * 1000))).count(b"TIT2") == MAX_VALUES


def test_of_a_window_only_so_much_can_be_read() -> None:
    window = Window(io.BytesIO(b"0123456789"), 2, 8, 8)

    assert (window.read(4), window.tell(), window.seek(-3, 2), window.read()) == (
        *(b"2345", 4, 3),
        b"567",
    )
    assert window.seek(-9) == 0
    with pytest.raises(catalogue.CorruptContent):
        window.read(5)


def test_a_table_that_claims_four_gigabytes_is_refused() -> None:
    table = b"VBRI" + struct.pack(">HHHIIHHHH", 1, 0, 0, 0, 0, 65_535, 1, 65_535, 1)
    first = b"\xff\xfb\x90\x00" + bytes(32) + table

    with pytest.raises(catalogue.CorruptContent):
        tell(describe_audio, first.ljust(417, b"\0") + audio.mp3_frames(20_000))
