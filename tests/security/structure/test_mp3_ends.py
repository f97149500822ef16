"""Where the sound of an MP3 begins and ends: so many frames, in so many bytes, and no others."""

from __future__ import annotations

import io
from typing import Any

import pytest

from security.structure import mp3 as mp3_gate
from security.structure.mp3 import inspect_mp3
from security.structure.mpeg_frame import MAX_FRAME_BYTES, frame_bytes
from tests.files.audio import mp3_frames
from tests.security.structure.verdicts import verdict_of

WINDOW = 64 * 1024
# MPEG 2.5 layer II, 160 kbit/s at 8 kHz, and padding: no frame is longer.
LONGEST = b"\xff\xe5\xea\x00".ljust(2881, b"\0")


def verdict(content: bytes) -> str:
    return verdict_of(inspect_mp3, content)


@pytest.mark.parametrize("start", [b"", b"\xff", b"\xff\xff\xff"])
def test_in_a_long_file_four_frames_are_sound_and_three_are_not(start: bytes) -> None:
    assert verdict(start + mp3_frames(4) + bytes(WINDOW)) == "accepted"
    assert verdict(start + mp3_frames(3) + bytes(WINDOW)) == "corrupt_content"
    assert verdict(start + mp3_frames(2) + bytes(WINDOW)) == "corrupt_content"


@pytest.mark.parametrize("over", [-1, 0, 1, 100])
def test_the_sound_may_end_anywhere_round_the_window(over: int) -> None:
    loud = (mp3_frames(1).rstrip(b"\0").ljust(417, b"\x01") * 200)[: WINDOW + over]

    assert verdict(loud) == "accepted"


def test_two_frames_of_the_longest_kind_are_an_end() -> None:
    assert frame_bytes(LONGEST, 0) == len(LONGEST) == MAX_FRAME_BYTES
    end = LONGEST + LONGEST[:-1] + b"\x01"

    assert verdict(mp3_frames(4) + b"noise" + end) == "accepted"


def test_the_end_is_searched_no_further_back_than_two_frames_reach(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []

    def counting(content: bytes, place: int) -> int:
        asked.append(place)
        return frame_bytes(content, place)

    monkeypatch.setattr(mp3_gate, "frame_bytes", counting)

    assert verdict(mp3_frames(200) + b"\xff" * 40_000) == "ambiguous_content"
    assert len(asked) < 2 * MAX_FRAME_BYTES + 10


def test_of_a_long_file_little_is_read() -> None:
    read: list[int] = []

    class Counting(io.BytesIO):
        def read(self, size: Any = -1, /) -> bytes:
            content = super().read(size)
            read.append(len(content))
            return content

    sound = mp3_frames(5000)
    inspect_mp3(Counting(sound), len(sound))

    assert sum(read) < 5 * WINDOW < len(sound)
