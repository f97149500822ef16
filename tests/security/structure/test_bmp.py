"""BMP: headers of all ages, the pixels all there, and nothing behind them."""

from __future__ import annotations

import struct

import pytest

from tests.files import images
from tests.files.images import bmp
from tests.security.structure.image_gates import ARCHIVE, refusal_of
from tests.security.structure.variations import find_changes, samples_of


def long_header(
    length: int, compression: int = 0, pixel_bytes: int = 0, tail: bytes = b""
) -> bytes:
    """A BMP of 3 x 2 at 24 bits with a header of that length."""
    start = struct.pack("<IiiHHII", length, 3, 2, 1, 24, compression, pixel_bytes)
    header = (start + bytes(100))[: min(length, 112)]
    if length == 124:
        header = header[:56] + b"DEBM" + bytes(52) + struct.pack("<III", 124 + 24, len(tail), 0)
    return b"BM" + bytes(8) + struct.pack("<I", 14 + length) + header + bytes(24) + tail


@pytest.mark.parametrize(
    "content",
    [
        bmp(core=True),
        bmp((3, -2)),
        bmp(depth=1),
        bmp(depth=4),
        bmp(depth=16),
        bmp(depth=32),
        bmp()[:-3],
        bmp() + bytes(2),
        *(long_header(length) for length in (16, 20, 40, 52, 56, 64, 108)),
        long_header(40, compression=3),
        long_header(40, compression=6),
        long_header(40, compression=1, pixel_bytes=24),
        long_header(40, compression=2, pixel_bytes=24),
        long_header(124, tail=images.profile())[: 14 + 124 + 24].replace(b"DEBM", b"BGRs"),
        long_header(124, tail=images.profile())[: 14 + 124 + 24].replace(b"DEBM", b"KNIL"),
        bmp().replace(b"\x36\0\0\0\x28", b"\x0e\0\0\0\x28"),
        long_header(124, tail=images.profile()),
        bmp().replace(struct.pack("<I", len(bmp())), bytes(4), 1),
    ],
    ids=[
        *("os/2", "top down", "1 bit", "4 bits", "16 bits", "32 bits", "last padding"),
        *("two more", "16", "20", "40", "52", "56", "64", "108", "bit fields", "with alpha"),
        *("run lengths", "short run lengths", "other colours", "profile somewhere else"),
        *("pixels from the header on", "profile behind the pixels", "no file length"),
    ],
)
def test_unusual_but_whole_files_pass(content: bytes) -> None:
    assert refusal_of("BMP", content) is None


@pytest.mark.parametrize(
    "content",
    [
        b"BM",
        bmp()[:20],
        bmp()[:-4],
        bmp((0, 2)),
        bmp((3, 0)),
        bmp((-3, 2)),
        bmp(depth=7),
        long_header(39),
        long_header(40, compression=4, pixel_bytes=24),
        long_header(40, compression=5, pixel_bytes=24),
        long_header(40, compression=7, pixel_bytes=24),
        long_header(40, compression=1),
        long_header(40, compression=1, pixel_bytes=400),
        bmp().replace(b"\x36\0\0\0\x28", b"\x0d\0\0\0\x28"),
        long_header(124, tail=images.profile())[:-9],
    ],
    ids=[
        *("header", "cut header", "cut pixels", "width", "height", "negative width", "depth"),
        *(
            "header length",
            "jpeg inside",
            "png inside",
            "unknown",
            "runs without length",
            "runs cut",
            "offset",
            "profile",
        ),
    ],
)
def test_a_file_that_is_not_whole_is_corrupt(content: bytes) -> None:
    assert refusal_of("BMP", content) == "corrupt_content"


@pytest.mark.parametrize(
    "content",
    [
        bmp() + b"<html>",
        bmp() + ARCHIVE,
        bmp((300, 300)) + bmp(),
        bmp(pixels=b"%PDF-" + bytes(19)),
    ],
    ids=["html", "zip", "second picture", "pdf"],
)
def test_a_second_format_is_ambiguous(content: bytes) -> None:
    assert refusal_of("BMP", content) == "ambiguous_content"


@pytest.mark.parametrize("size", [(10_000, 10_001), (2**31 - 1, -(2**31)), (100_000_001, 1)])
def test_pixels_are_counted_by_the_header(size: tuple[int, int]) -> None:
    assert refusal_of("BMP", bmp(size, depth=1, pixels=bytes(4))) == "image_limits_exceeded"


@samples_of("image/bmp")
def test_no_variation_of_a_file_is_judged_otherwise_unnoticed(name: str) -> None:
    assert find_changes(name) == []
