"""GIF: blocks and sub-blocks to the trailer, frames on their canvas, nothing behind the end."""

from __future__ import annotations

import pytest

from security import image_limits
from security.structure import gif as gate
from tests.files import images
from tests.files.images import gif, gif_comment, gif_frame
from tests.security.structure.image_gates import ARCHIVE, refusal_of
from tests.security.structure.variations import find_changes, samples_of

PHP = b"<?php system($_GET[0]); ?>"


@pytest.mark.parametrize(
    "content",
    [
        images.picture("GIF", "P", (300, 200)),
        images.moving("GIF", 5),
        gif(gif_comment(PHP * 200), gif_frame()),
        gif(gif_frame(), gif_comment(b"; trailer? \xff\xd9")),
        gif(gif_frame((9, 9))),
        gif(gif_frame(), b"\0", gif_frame()),
        gif(b"!\xffNETSCAPE2.0"[:2] + b"\x0bNETSCAPE2.0\x03\x01\0\0\0", gif_frame()),
        gif(gif_frame()).replace(b"GIF89a", b"GIF87a"),
        gif(gif_frame()) + bytes(3),
    ],
    ids=[
        *("palette", "moving", "comment", "comment last", "beyond the screen", "ended twice"),
        *("loop", "87a", "padded"),
    ],
)
def test_unusual_but_whole_files_pass(content: bytes) -> None:
    assert refusal_of("GIF", content) is None


@pytest.mark.parametrize(
    "content",
    [
        b"GIF89a" + PHP,
        b"GIF89a",
        gif(),
        gif(gif_comment(b"no picture")),
        gif(gif_frame(), trailer=b""),
        gif(gif_frame()[:-1]),
        gif(gif_frame(), b"x"),
        gif(gif_frame(), size=(0, 2)),
        gif(gif_frame(), size=(3, 0)),
        gif(gif_frame((0, 1))),
        gif(gif_frame(), b"!\xfe\xff" + bytes(20)),
        gif(gif_frame()).replace(b"GIF89a", b"GIF88a"),
    ],
    ids=[
        *("php", "header", "empty", "no picture", "no trailer", "open row", "unknown block"),
        *("width", "height", "no frame", "cut comment", "version"),
    ],
)
def test_a_file_that_is_not_whole_is_corrupt(content: bytes) -> None:
    assert refusal_of("GIF", content) == "corrupt_content"


@pytest.mark.parametrize(
    "content",
    [
        gif(gif_frame()) + PHP,
        gif(gif_frame()) + ARCHIVE,
        gif(gif_frame()) + b";",
        gif(gif_frame(), gif_comment(ARCHIVE)),
        gif(gif_comment(b"%PDF-1.4 1 0 obj"), gif_frame()),
    ],
    ids=["php", "zip", "second trailer", "zip inside", "pdf inside"],
)
def test_a_second_format_is_ambiguous(content: bytes) -> None:
    assert refusal_of("GIF", content) == "ambiguous_content"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (gif(gif_frame(), size=(10_000, 10_000)), None),
        (gif(gif_frame(), size=(10_000, 10_001)), "image_limits_exceeded"),
        (gif(gif_frame((1, 1), 60_000, 60_000)), "image_limits_exceeded"),
        (gif(gif_frame(), size=(8000, 5001)), None),
        (gif(gif_frame(), gif_frame(), size=(8000, 5001)), "image_limits_exceeded"),
        (gif(*[gif_frame()] * 25, size=(8000, 5000)), None),
        (gif(*[gif_frame()] * 26, size=(8000, 5000)), "image_limits_exceeded"),
        (gif(*[gif_frame()] * image_limits.MAX_FRAMES), None),
        (gif(*[gif_frame()] * (image_limits.MAX_FRAMES + 1)), "image_limits_exceeded"),
    ],
    ids=[
        *("most pixels", "one row more", "far frame", "still", "moving", "25 frames", "26 frames"),
        *("1000 frames", "1001 frames"),
    ],
)
def test_pixels_and_frames_are_counted(content: bytes, code: str | None) -> None:
    assert refusal_of("GIF", content) == code


def test_the_walk_ends_after_so_many_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "MAX_BLOCKS", 10)

    assert refusal_of("GIF", gif(gif_frame(), *[gif_comment(b"x")] * 8)) is None
    assert refusal_of("GIF", gif(gif_frame(), *[gif_comment(b"x")] * 9)) == "corrupt_content"


def test_the_most_blocks_pass_and_one_more_does_not() -> None:
    empty_blocks = bytes(100_000 - 2)  # beside the frame and the trailer

    assert refusal_of("GIF", gif(gif_frame(), empty_blocks)) is None
    assert refusal_of("GIF", gif(gif_frame(), empty_blocks + b"\0")) == "corrupt_content"


def test_the_walk_ends_after_so_many_sub_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    content = gif(gif_frame(), b"!\xfe" + b"\x01x" * 50 + b"\0")
    assert refusal_of("GIF", content) is None

    monkeypatch.setattr(gate, "MAX_SUB_BLOCKS", 50)

    assert refusal_of("GIF", content) == "corrupt_content"


@pytest.mark.parametrize("length", [4094, 4095, 4096, 8190, 266_230, 266_240, 300_000])
def test_sub_blocks_are_followed_wherever_a_step_of_reading_ends(length: int) -> None:
    content = gif(gif_frame(), gif_comment(b";" * length), gif_frame())

    assert refusal_of("GIF", content) is None
    assert refusal_of("GIF", content + b"x") == "ambiguous_content"
    assert refusal_of("GIF", content[:-1]) == "corrupt_content"


@pytest.mark.parametrize(("more", "code"), [(0, None), (1, "image_limits_exceeded")])
def test_a_canvas_reaches_to_where_its_frames_end(more: int, code: str | None) -> None:
    right = gif_frame((1000, 1), left=9000 + more)
    below = gif_frame((1, 1000), top=9000 + more)

    assert refusal_of("GIF", gif(right, size=(1, 10_000))) == code
    assert refusal_of("GIF", gif(below, size=(10_000, 1))) == code


def test_sub_blocks_are_counted_to_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "MAX_SUB_BLOCKS", 10)

    # A frame has two, with the empty one at its end.
    for pieces, code in ((8, None), (9, "corrupt_content")):
        comment = gif_comment(bytes(255 * pieces))
        assert refusal_of("GIF", gif(gif_frame(), comment)) == code


@samples_of("image/gif")
def test_no_variation_of_a_file_is_judged_otherwise_unnoticed(name: str) -> None:
    assert find_changes(name) == []
