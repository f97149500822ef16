"""PNG and APNG: the row of chunks, from the signature to the end chunk and no further."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from errors import catalogue
from security.image_limits import MAX_CANVAS_PIXELS, MAX_PIXELS, check_pixels
from security.structure.reading import check_ends, read_exactly
from security.structure.second_format import check_no_second_format

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# The usual chunks of pixels have 8 KiB; this many take less than half a second to walk.
MAX_CHUNKS = 200_000
# Bit depths of each colour type (PNG, section 11.2.1).
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}


class _Chunk(NamedTuple):
    name: bytes
    position: int
    length: int

    @property
    def end(self) -> int:
        """Behind its content and its checksum."""
        return self.position + self.length + 4


@dataclass
class _Picture:
    """What the chunks so far have said."""

    width: int
    height: int
    announced: int | None = None
    frames: int = 0
    has_pixels: bool = False


def inspect_png(source: BinaryIO, size_bytes: int) -> None:
    """Refuse a PNG that is not whole, is too much, or is not the only thing in the file.

    Ancillary chunks may be many and large: inflating their texts is the worker's business.
    Raises CorruptContent, AmbiguousContent, ImageLimitsExceeded.
    """
    chunks = _walk_chunks(source, size_bytes)
    picture = _read_header(source, next(chunks, None))
    for chunk in chunks:
        _take_in(source, chunk, picture)
        if chunk.name == b"IEND":
            break
    else:
        raise catalogue.CorruptContent(note="no end chunk")
    _check_whole(picture)
    check_ends(source, chunk.end, size_bytes)
    check_no_second_format(source, size_bytes)


def _walk_chunks(source: BinaryIO, size_bytes: int) -> Iterator[_Chunk]:
    source.seek(0)
    if source.read(len(SIGNATURE)) != SIGNATURE:
        raise catalogue.CorruptContent(note="no PNG signature")
    position = len(SIGNATURE)
    for _ in range(MAX_CHUNKS):
        if position >= size_bytes:
            return
        source.seek(position)
        length, name = struct.unpack(">I4s", read_exactly(source, 8))
        chunk = _Chunk(name, position + 8, length)
        if not name.isalpha() or chunk.end > size_bytes:
            raise catalogue.CorruptContent(note="PNG chunk is none or is cut short")
        yield chunk
        position = chunk.end
    raise catalogue.CorruptContent(note="too many PNG chunks")


def _read_header(source: BinaryIO, chunk: _Chunk | None) -> _Picture:
    if chunk is None or chunk.name != b"IHDR" or chunk.length != 13:
        raise catalogue.CorruptContent(note="no image header chunk")
    header = read_exactly(source, 17)
    width, height, depth, colour, *methods, interlace, checksum = struct.unpack(">IIBBBBBI", header)
    if zlib.crc32(b"IHDR" + header[:13]) != checksum:
        raise catalogue.CorruptContent(note="checksum of the image header")
    if depth not in DEPTHS.get(colour, ()) or any(methods) or interlace > 1:
        raise catalogue.CorruptContent(note="unknown kind of PNG")
    check_pixels(width, height)
    return _Picture(width, height)


def _take_in(source: BinaryIO, chunk: _Chunk, picture: _Picture) -> None:
    if chunk.name == b"IDAT":
        picture.has_pixels = True
    elif chunk.name == b"IHDR" or (chunk.name == b"IEND" and chunk.length):
        raise catalogue.CorruptContent(note="chunk in the wrong place")
    elif chunk.name == b"acTL" and not picture.has_pixels:
        _announce_frames(source, chunk, picture)
    elif chunk.name == b"fcTL" and picture.announced is not None:
        _count_frame(source, chunk, picture)


def _announce_frames(source: BinaryIO, chunk: _Chunk, picture: _Picture) -> None:
    if chunk.length != 8 or picture.announced is not None:
        raise catalogue.CorruptContent(note="animation is announced wrongly")
    (picture.announced,) = struct.unpack(">I", read_exactly(source, 4))
    check_pixels(picture.width, picture.height, picture.announced)


def _count_frame(source: BinaryIO, chunk: _Chunk, picture: _Picture) -> None:
    """Each frame lies inside the canvas (APNG, `fcTL`)."""
    if chunk.length != 26:
        raise catalogue.CorruptContent(note="frame of the wrong form")
    width, height, left, top = struct.unpack(">4x4I", read_exactly(source, 20))
    if left + width > picture.width or top + height > picture.height or not width or not height:
        raise catalogue.CorruptContent(note="frame outside the canvas")
    picture.frames += 1


def _check_whole(picture: _Picture) -> None:
    if not picture.has_pixels:
        raise catalogue.CorruptContent(note="no pixels")
    if picture.announced is not None and picture.announced != picture.frames:
        raise catalogue.CorruptContent(note="not the announced number of frames")
    most = MAX_CANVAS_PIXELS if picture.frames > 1 else MAX_PIXELS
    check_pixels(picture.width, picture.height, picture.frames, most)
