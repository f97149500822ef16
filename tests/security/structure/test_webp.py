"""WebP: the chunks of its container, the canvas and the frames on it."""

from __future__ import annotations

import io
import struct

import pytest

from errors import catalogue
from security import image_limits
from security.structure import webp as gate
from tests.files import images
from tests.files.images import riff, riff_chunk, webp_frame, webp_header, webp_pixels
from tests.security.structure.image_gates import ARCHIVE, refusal_of
from tests.security.structure.variations import find_changes, samples_of

STILL = riff(webp_pixels(3, 2))
MOVING = riff(webp_header(4, 4, animated=True), webp_frame(4, 4), webp_frame(2, 2, left=2))


@pytest.mark.parametrize(
    "content",
    [
        images.picture("WEBP", quality=30),
        images.picture("WEBP", "RGBA", lossless=True),
        images.picture("WEBP", "RGBA", icc_profile=images.profile(), exif=images.notes(6)),
        images.moving("WEBP", 4, mode="RGBA"),
        STILL,
        MOVING,
        STILL + bytes(4),
        riff(webp_pixels(3, 2), riff_chunk(b"note", b"<?php ?>")),
        riff(webp_header(3, 2), riff_chunk(b"XMP ", b"odd"), webp_pixels(3, 2)),
        riff(webp_header(3, 2), webp_pixels(3, 2), b"NOTE\x03\0\0\0odd"),
    ],
    ids=[
        *("lossy", "lossless", "notes", "moving", "small", "small moving", "padded"),
        *("unknown chunk", "odd chunk", "no padding at the end"),
    ],
)
def test_unusual_but_whole_files_pass(content: bytes) -> None:
    assert refusal_of("WEBP", content) is None


@pytest.mark.parametrize(
    "content",
    [
        b"RIFF\x04\0\0\0WEBP",
        b"RIFF\0\0\0\0WEBP",
        STILL.replace(b"WEBP", b"WAVE"),
        STILL.replace(b"\x2f", b"\x30"),
        STILL[:-1],
        STILL[:4] + struct.pack("<I", len(STILL)) + STILL[8:],
        riff(riff_chunk(b"ALPH", bytes(8)), webp_pixels(3, 2)),
        riff(riff_chunk(b"VP8 ", bytes(10))),
        riff(riff_chunk(b"VP8L", b"\x2f")),
        riff(webp_pixels(3, 2), b"CUT"),
        riff(webp_pixels(3, 2), b"LONG\xff\0\0\0"),
        riff(webp_header(3, 2)),
        riff(webp_header(3, 2)[:12]),
        riff(riff_chunk(b"VP8X", b"short"), webp_pixels(3, 2)),
        riff(webp_header(4, 2), webp_pixels(3, 2)),
        riff(webp_header(4, 4, animated=True)),
        riff(webp_header(4, 4, animated=True), webp_frame(4, 4, left=2)),
        riff(webp_header(4, 4, animated=True), riff_chunk(b"ANMF", bytes(15))),
        riff(webp_header(4, 4, animated=True), riff_chunk(b"ANMF", bytes(16))),
        riff(webp_header(1, 1, animated=True), riff_chunk(b"ANMF", bytes(16) + webp_pixels(2, 1))),
    ],
    ids=[
        *("empty", "no length", "other form", "no start", "cut", "length", "transparency first"),
        *("lossy start", "short pixels", "half a header", "chunk too long", "no pixels"),
        *("header cut", "short header", "canvas", "no frames", "frame outside", "frame cut"),
        *("frame without pixels", "frame of another size"),
    ],
)
def test_a_file_that_is_not_whole_is_corrupt(content: bytes) -> None:
    assert refusal_of("WEBP", content) == "corrupt_content"


@pytest.mark.parametrize(
    "content",
    [
        STILL + b"<?php",
        STILL + ARCHIVE,
        STILL + STILL,
        riff(webp_pixels(3, 2), riff_chunk(b"note", ARCHIVE)),
        riff(webp_pixels(3, 2), riff_chunk(b"note", b"%PDF-1.7")),
    ],
    ids=["php", "zip", "second picture", "zip inside", "pdf inside"],
)
def test_a_second_format_is_ambiguous(content: bytes) -> None:
    assert refusal_of("WEBP", content) == "ambiguous_content"


def film(frames: int, size: tuple[int, int] = (1, 1)) -> bytes:
    return riff(webp_header(*size, animated=True), *[webp_frame(1, 1)] * frames)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (riff(webp_pixels(8000, 5000)), None),
        (riff(webp_pixels(8000, 5001)), "image_limits_exceeded"),
        (riff(webp_header(2**24, 2**24), webp_pixels(1, 1)), "image_limits_exceeded"),
        (film(25, (8000, 5000)), None),
        (film(26, (8000, 5000)), "image_limits_exceeded"),
        (film(image_limits.MAX_FRAMES), None),
        (film(image_limits.MAX_FRAMES + 1), "image_limits_exceeded"),
    ],
    ids=["most", "a row more", "canvas", "25 frames", "26 frames", "1000 frames", "1001 frames"],
)
def test_pixels_and_frames_are_counted(content: bytes, code: str | None) -> None:
    assert refusal_of("WEBP", content) == code


def test_pixels_of_a_frame_are_looked_for_in_its_first_chunks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frame = riff_chunk(b"ANMF", bytes(16) + riff_chunk(b"note", b"") * 3 + webp_pixels(1, 1))
    content = riff(webp_header(1, 1, animated=True), frame)
    assert refusal_of("WEBP", content) is None

    monkeypatch.setattr(gate, "MAX_CHUNKS_BEFORE_PIXELS", 3)

    assert refusal_of("WEBP", content) == "corrupt_content"


@pytest.mark.parametrize(("length", "code"), [(4, "corrupt_content"), (5, None)])
def test_lossless_pixels_begin_with_five_bytes(length: int, code: str | None) -> None:
    pixels = riff_chunk(b"VP8L", (b"\x2f" + bytes(4))[:length])

    assert refusal_of("WEBP", riff(pixels)) == code


@pytest.mark.parametrize(("length", "code"), [(9, "corrupt_content"), (10, None)])
def test_lossy_pixels_begin_with_ten_bytes(length: int, code: str | None) -> None:
    start = bytes(3) + gate.LOSSY_START + struct.pack("<HH", 3, 2)

    assert refusal_of("WEBP", riff(riff_chunk(b"VP8 ", start[:length]))) == code


def test_a_header_may_be_longer_than_what_is_known_of_it() -> None:
    header = webp_header(3, 2)[8:]

    for more in (b"", b"x", b"xx"):
        assert (
            refusal_of("WEBP", riff(riff_chunk(b"VP8X", header + more), webp_pixels(3, 2))) is None
        )


def test_frames_are_only_looked_at_where_the_header_announces_them() -> None:
    cut = riff_chunk(b"ANMF", bytes(15))
    see_through = riff_chunk(b"VP8X", b"\x10" + webp_header(3, 2)[9:])

    assert refusal_of("WEBP", riff(see_through, cut, webp_pixels(3, 2))) is None
    moving = webp_header(3, 2, animated=True)
    assert refusal_of("WEBP", riff(moving, cut, webp_pixels(3, 2))) == "corrupt_content"


@pytest.mark.parametrize(("height", "code"), [(4, None), (5, "corrupt_content")])
def test_a_frame_lies_inside_a_canvas_that_is_no_square(height: int, code: str | None) -> None:
    frame = webp_frame(2, height)[8:]
    placed = riff_chunk(b"ANMF", bytes(3) + b"\x03\0\0" + frame[6:])  # six rows down

    assert refusal_of("WEBP", riff(webp_header(2, 10, animated=True), placed)) == code


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (riff(webp_header(4, 4)), "no frames"),
        (
            riff(webp_header(4, 4, animated=True), riff_chunk(b"ANMF", bytes(15))),
            "short WebP frame",
        ),
        (riff(webp_header(4, 4, animated=True), riff_chunk(b"ANMF", bytes(16))), "no pixels"),
    ],
)
def test_what_is_missing_is_named(content: bytes, note: str) -> None:
    with pytest.raises(catalogue.CorruptContent) as refusal:
        gate.inspect_webp(io.BytesIO(content), len(content))

    assert refusal.value.note == note


@samples_of("image/webp")
def test_no_variation_of_a_file_is_judged_otherwise_unnoticed(name: str) -> None:
    assert find_changes(name) == []
