"""GIF: header, blocks and their sub-blocks, to the trailer byte and no further."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from errors import catalogue
from security.image_limits import MAX_CANVAS_PIXELS, MAX_PIXELS, check_pixels
from security.structure.reading import STEP_BYTES, check_ends, read_exactly
from security.structure.second_format import check_no_second_format

SIGNATURES = (b"GIF87a", b"GIF89a")
EXTENSION, IMAGE, TRAILER = 0x21, 0x2C, 0x3B
HAS_COLOURS = 0x80
# Sub-blocks of pixels have 255 bytes each: a gigabyte of them, in about half a second.
MAX_SUB_BLOCKS = 4_000_000
MAX_BLOCKS = 100_000
FIRST_STEP_BYTES = 4 * 1024


@dataclass
class _Walk:
    """The file, and what its blocks so far have said."""

    source: BinaryIO
    width: int
    height: int
    frames: int = 0
    sub_blocks: int = 0


def inspect_gif(source: BinaryIO, size_bytes: int) -> None:
    """Refuse a GIF that is not whole, is too much, or is not the only thing in the file.

    Comments may hold any text. Raises CorruptContent, AmbiguousContent, ImageLimitsExceeded.
    """
    walk = _read_screen(source)
    for _ in range(MAX_BLOCKS):
        (kind,) = read_exactly(source, 1)
        if kind == TRAILER:
            break
        _skip_block(walk, kind)
    else:
        raise catalogue.CorruptContent(note="too many GIF blocks")
    if not walk.frames:
        raise catalogue.CorruptContent(note="no pixels")
    check_ends(source, source.tell(), size_bytes)
    check_no_second_format(source, size_bytes)


def _read_screen(source: BinaryIO) -> _Walk:
    source.seek(0)
    header = read_exactly(source, 13)
    if header[:6] not in SIGNATURES:
        raise catalogue.CorruptContent(note="no GIF signature")
    # Its pixels are counted at the first frame: until then it may be words behind a signature.
    width, height, flags = struct.unpack_from("<HHB", header, 6)
    if not width or not height:
        raise catalogue.CorruptContent(note="screen without width or height")
    _skip_colours(source, flags)
    return _Walk(source, width, height)


def _skip_colours(source: BinaryIO, flags: int) -> None:
    if flags & HAS_COLOURS:
        read_exactly(source, 3 << ((flags & 7) + 1))


def _skip_block(walk: _Walk, kind: int) -> None:
    if kind == EXTENSION:
        read_exactly(walk.source, 1)
    elif kind == IMAGE:
        _read_frame(walk)
    elif kind == 0:  # some programs end a block twice
        return
    else:
        raise catalogue.CorruptContent(note="unknown GIF block")
    _skip_sub_blocks(walk)


def _read_frame(walk: _Walk) -> None:
    """A frame may reach beyond the screen; the canvas then grows, as it does in decoders."""
    left, top, width, height, flags = struct.unpack("<HHHHB", read_exactly(walk.source, 9))
    _skip_colours(walk.source, flags)
    read_exactly(walk.source, 1)
    walk.frames += 1
    walk.width = max(walk.width, left + width)
    walk.height = max(walk.height, top + height)
    check_pixels(width, height)
    most = MAX_CANVAS_PIXELS if walk.frames > 1 else MAX_PIXELS
    check_pixels(walk.width, walk.height, walk.frames, most)


def _skip_sub_blocks(walk: _Walk) -> None:
    """Leave the source behind the empty sub-block that ends the row of them."""
    base, place, block, step = walk.source.tell(), 0, b"", FIRST_STEP_BYTES
    while True:
        if place >= len(block):
            base, place = base + place, 0
            walk.source.seek(base)
            block, step = walk.source.read(step), STEP_BYTES
            if not block:
                raise catalogue.CorruptContent(note="ends too early")
        walk.sub_blocks += 1
        length = block[place]
        place += 1 + length
        if not length:
            break
        if walk.sub_blocks > MAX_SUB_BLOCKS:
            raise catalogue.CorruptContent(note="too many GIF sub-blocks")
    walk.source.seek(base + place)
