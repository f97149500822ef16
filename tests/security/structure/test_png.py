"""PNG and APNG: chunks in their order, frames as announced, nothing behind the end."""

from __future__ import annotations

import pytest

from security import image_limits
from security.structure import png as gate
from tests.files import images
from tests.files.images import PNG_END, animation_control, frame_control, png, png_chunk
from tests.files.images import png_pixels as pixels
from tests.security.structure.image_gates import ARCHIVE, refusal_of
from tests.security.structure.variations import find_changes, samples_of

PIXELS = pixels()
FRAME = png_chunk(b"fdAT", b"\0\0\0\x01" + PIXELS[8:-4])


@pytest.mark.parametrize(
    "content",
    [
        images.interlaced_png(),
        images.picture("PNG", "P", transparency=0),
        images.picture("PNG", exif=images.notes(6), icc_profile=images.profile()),
        images.moving("PNG", 3),
        images.png_with(images.text_bomb(2)),
        images.png_with(*[png_chunk(b"tEXt", b"Comment\0PK\x05\x06")] * 300),
        images.png_with(png_chunk(b"prVt", b"<?php ?>" * 9000)),
        png(PIXELS, png_chunk(b"tEXt", b"after\0the pixels"), pixels(), PNG_END),
    ],
    ids=["interlaced", "palette", "notes", "moving", "packed text", "texts", "private", "late"],
)
def test_unusual_but_whole_files_pass(content: bytes) -> None:
    assert refusal_of("PNG", content) is None


@pytest.mark.parametrize(
    "content",
    [
        png(PIXELS),
        png(PNG_END),
        png_chunk(b"IHDR", bytes(13)),
        png(PIXELS, PNG_END)[:8] + PIXELS + PNG_END,
        png(PIXELS, png_chunk(b"IEND", b"x")),
        png(png()[8:], PIXELS, PNG_END),
        png(PIXELS[:-1], PNG_END),
        png(png_chunk(b"a\0b ", b""), PIXELS, PNG_END),
        png(PIXELS, PNG_END, size=(0, 2)),
        png(PIXELS, PNG_END, size=(3, 0)),
        png(PIXELS, PNG_END, depth=3),
        png(PIXELS, PNG_END, colour=5),
        png(PIXELS, PNG_END, colour=2, depth=4),
        png(PIXELS, PNG_END, lace=2),
        png(PIXELS, PNG_END).replace(b"IHDR\0\0\0\x03", b"IHDR\0\0\0\x04"),
    ],
    ids=[
        *("no end", "no pixels", "no signature", "no header", "end with content", "two headers"),
        *("cut chunk", "bad name", "no width", "no height", "depth", "colour", "both", "lace"),
        "checksum",
    ],
)
def test_a_file_that_is_not_whole_is_corrupt(content: bytes) -> None:
    assert refusal_of("PNG", content) == "corrupt_content"


@pytest.mark.parametrize("colour", range(9))
def test_each_kind_of_colour_has_the_depths_of_the_standard(colour: int) -> None:
    # PNG, third edition, table 12.
    depths = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}
    accepted = {
        depth
        for depth in range(18)
        if refusal_of("PNG", png(PIXELS, PNG_END, colour=colour, depth=depth)) is None
    }

    assert accepted == depths.get(colour, set())


@pytest.mark.parametrize(
    ("name", "right", "before"),
    [
        (b"acTL", animation_control(1)[8:-4], []),
        (b"fcTL", frame_control()[8:-4], [animation_control(1)]),
    ],
)
@pytest.mark.parametrize("change", [-1, 0, 1])
def test_a_chunk_of_animations_has_one_length(
    name: bytes, right: bytes, before: list[bytes], change: int
) -> None:
    chunk = png_chunk(name, (right + b"\0")[: len(right) + change])
    frame = [] if name == b"fcTL" else [frame_control()]
    refused = refusal_of("PNG", png(*before, chunk, *frame, PIXELS, PNG_END))

    assert refused == ("corrupt_content" if change else None)


@pytest.mark.parametrize("change", [-1, 1])
def test_a_header_of_another_length_is_corrupt(change: int) -> None:
    whole = png(PIXELS, PNG_END)
    header = png_chunk(b"IHDR", (whole[16:29] + b"\0")[: 13 + change])

    assert refusal_of("PNG", whole[:8] + header + whole[33:]) == "corrupt_content"


@pytest.mark.parametrize(
    "content",
    [
        images.png_with() + ARCHIVE,
        images.png_with(png_chunk(b"zIPf", ARCHIVE)),
        images.png_with(png_chunk(b"tEXt", b"Comment\0%PDF-1.7 ")),
        images.png_with() + b"<script>alert(1)</script>",
        images.png_with() + images.png_with(),
        images.png_with() + bytes(300_000) + b"\n",
    ],
    ids=["zip behind", "zip inside", "pdf inside", "html behind", "png behind", "far behind"],
)
def test_a_second_format_is_ambiguous(content: bytes) -> None:
    assert refusal_of("PNG", content) == "ambiguous_content"


@pytest.mark.parametrize(
    ("size", "code"),
    [
        ((10_000, 10_000), None),
        ((10_000, 10_001), "image_limits_exceeded"),
        ((100_000_001, 1), "image_limits_exceeded"),
        ((2**31 - 1, 2**31 - 1), "image_limits_exceeded"),
    ],
)
def test_pixels_are_counted_by_the_header(size: tuple[int, int], code: str | None) -> None:
    assert refusal_of("PNG", png(PIXELS, PNG_END, size=size)) == code


def test_an_apng_of_the_greatest_number_of_frames_passes_and_one_more_does_not() -> None:
    def film(frames: int) -> bytes:
        rest = [frame_control(), FRAME] * (frames - 1)
        return png(animation_control(frames), frame_control(), PIXELS, *rest, PNG_END)

    assert refusal_of("PNG", film(image_limits.MAX_FRAMES)) is None
    assert refusal_of("PNG", film(image_limits.MAX_FRAMES + 1)) == "image_limits_exceeded"


def test_the_canvas_of_an_apng_is_smaller_than_a_still_picture_may_be() -> None:
    size = (8000, 5001)
    still = png(PIXELS, PNG_END, size=size)
    frames = [frame_control(size), PIXELS, frame_control(size), FRAME]

    assert refusal_of("PNG", still) is None
    assert refusal_of("PNG", png(animation_control(1), *frames[:2], PNG_END, size=size)) is None
    assert (
        refusal_of("PNG", png(animation_control(2), *frames, PNG_END, size=size))
        == "image_limits_exceeded"
    )


@pytest.mark.parametrize(
    "chunks",
    [
        [animation_control(2), frame_control(), PIXELS],
        [animation_control(2**32 - 1)],
        [animation_control(1), animation_control(1), frame_control(), PIXELS],
        [png_chunk(b"acTL", b"1234"), PIXELS],
        [animation_control(1), frame_control((4, 2)), PIXELS],
        [animation_control(1), frame_control((1, 1), left=3), PIXELS],
        [animation_control(1), frame_control((0, 1)), PIXELS],
        [animation_control(1), png_chunk(b"fcTL", b"short"), PIXELS],
    ],
    ids=["fewer", "4 billion", "twice", "short", "wide", "outside", "empty", "short frame"],
)
def test_an_animation_that_is_not_as_announced_is_refused(chunks: list[bytes]) -> None:
    assert refusal_of("PNG", png(*chunks, PNG_END)) in ("corrupt_content", "image_limits_exceeded")


def test_frames_nobody_announced_are_ancillary() -> None:
    assert refusal_of("PNG", png(PIXELS, frame_control((9, 9)), FRAME, PNG_END)) is None


def test_the_walk_ends_after_so_many_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "MAX_CHUNKS", 5)

    assert refusal_of("PNG", images.png_with(png_chunk(b"tEXt"), png_chunk(b"tEXt"))) is None
    assert refusal_of("PNG", images.png_with(*[png_chunk(b"tEXt")] * 3)) == "corrupt_content"


@samples_of("image/png")
def test_no_variation_of_a_file_is_judged_otherwise_unnoticed(name: str) -> None:
    assert find_changes(name) == []
