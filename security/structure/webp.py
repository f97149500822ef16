"""WebP: the chunks of a RIFF container, and the size of its canvas and of each frame."""

from __future__ import annotations

import itertools
import struct
from typing import BinaryIO

from errors import catalogue
from security.image_limits import MAX_CANVAS_PIXELS, check_pixels
from security.structure.reading import check_ends, read_exactly
from security.structure.riff import HEADER_BYTES, Chunk, read_riff_end, walk_chunks
from security.structure.second_format import check_no_second_format

# Flag of the extended header, and the part of a frame before its own chunks (RFC 9649, 2.7.1).
IS_ANIMATED = 0x02
FRAME_HEADER_BYTES = 16
# The pixels of a frame have one chunk of transparency before them.
MAX_CHUNKS_BEFORE_PIXELS = 64
LOSSY_START = b"\x9d\x01\x2a"
LOSSLESS_START = 0x2F
PIXELS = (b"VP8 ", b"VP8L")


def inspect_webp(source: BinaryIO, size_bytes: int) -> None:
    """Refuse a WebP that is not whole, is too much, or is not the only thing in the file.

    Raises CorruptContent, AmbiguousContent, ImageLimitsExceeded.
    """
    end = read_riff_end(source, size_bytes, b"WEBP")
    first = next(walk_chunks(source, HEADER_BYTES, end), None)
    if first is not None and first.name == b"VP8X":
        _check_extended(source, first, end)
    else:
        _check_size(_read_size(source, first))
        for _ in walk_chunks(source, HEADER_BYTES, end):
            pass
    check_ends(source, end, size_bytes)
    check_no_second_format(source, size_bytes)


def _check_size(size: tuple[int, int], frames: int = 1) -> None:
    check_pixels(*size, frames, MAX_CANVAS_PIXELS)


def _read_size(source: BinaryIO, chunk: Chunk | None) -> tuple[int, int]:
    """Width and height as the pixels themselves have them (RFC 6386, 9.1; RFC 9649, 3.4)."""
    if chunk is None:
        raise catalogue.CorruptContent(note="no pixels")
    source.seek(chunk.position)
    header = source.read(min(10, chunk.length))
    if chunk.name == b"VP8 " and len(header) == 10 and header[3:6] == LOSSY_START:
        width, height = struct.unpack_from("<HH", header, 6)
        return width & 0x3FFF, height & 0x3FFF
    if chunk.name == b"VP8L" and len(header) >= 5 and header[0] == LOSSLESS_START:
        (bits,) = struct.unpack_from("<I", header, 1)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    raise catalogue.CorruptContent(note="pixels of no known kind")


def _check_extended(source: BinaryIO, header: Chunk, end: int) -> None:
    """The canvas, and that the frames are as many as they should be and lie inside it."""
    if header.length < 10:
        raise catalogue.CorruptContent(note="short WebP header")
    source.seek(header.position)
    content = read_exactly(source, 10)
    canvas = _read_three(content, 4) + 1, _read_three(content, 7) + 1
    _check_size(canvas)
    frames = 0
    for chunk in walk_chunks(source, header.end + header.length % 2, end):
        if content[0] & IS_ANIMATED and chunk.name == b"ANMF":
            _check_frame(source, chunk, canvas)
            frames += 1
            _check_size(canvas, frames)
        elif not content[0] & IS_ANIMATED and chunk.name in PIXELS:
            frames += 1
            if _read_size(source, chunk) != canvas:
                raise catalogue.CorruptContent(note="pixels do not fit the canvas")
    if not frames:
        raise catalogue.CorruptContent(note="no frames")


def _check_frame(source: BinaryIO, frame: Chunk, canvas: tuple[int, int]) -> None:
    if frame.length < FRAME_HEADER_BYTES:
        raise catalogue.CorruptContent(note="short WebP frame")
    source.seek(frame.position)
    header = read_exactly(source, FRAME_HEADER_BYTES)
    left, top = 2 * _read_three(header, 0), 2 * _read_three(header, 3)
    size = _read_three(header, 6) + 1, _read_three(header, 9) + 1
    if left + size[0] > canvas[0] or top + size[1] > canvas[1]:
        raise catalogue.CorruptContent(note="frame outside the canvas")
    inner = walk_chunks(source, frame.position + FRAME_HEADER_BYTES, frame.end)
    some = itertools.islice(inner, MAX_CHUNKS_BEFORE_PIXELS)
    pixels = next((chunk for chunk in some if chunk.name in PIXELS), None)
    if _read_size(source, pixels) != size:
        raise catalogue.CorruptContent(note="pixels do not fit their frame")


def _read_three(content: bytes, position: int) -> int:
    return int.from_bytes(content[position : position + 3], "little")
