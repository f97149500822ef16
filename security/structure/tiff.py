"""TIFF and BigTIFF: the chain of directories, one for each page, and where their pixels lie.

A TIFF has no end and no order: what stands between its parts cannot be told from padding. Pages
are followed; thumbnails and layers that hang below a page (SubIFDs) are not, nobody opens them.
"""

from __future__ import annotations

import operator
import struct
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from errors import catalogue
from security.image_limits import (
    MAX_FRAMES,
    MAX_PIXELS_OF_ALL_FRAMES,
    check_pixels,
    image_limits_exceeded,
)
from security.structure.reading import read_exactly
from security.structure.second_format import check_no_second_format

ORDERS = {b"II": "<", b"MM": ">"}
CLASSIC, BIG = 42, 43
# A camera writes some fifty entries into a directory.
MAX_ENTRIES = 4096
MAX_ENTRIES_OF_ALL_PAGES = 200_000
# Strips or tiles of all pages; some programs write one strip for each row.
MAX_STRIPS = 2_000_000
STEP_NUMBERS = 16_384

WIDTH, HEIGHT, COMPRESSION = 256, 257, 259
STRIPS, STRIP_LENGTHS, TILES, TILE_LENGTHS = 273, 279, 324, 325
UNCOMPRESSED = 1
# Unsigned numbers: BYTE, SHORT, LONG, IFD, LONG8, IFD8.
NUMBERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}


class _Entry(NamedTuple):
    """One tag of a directory; `inline` is its numbers, or where they lie."""

    kind: int
    length: int
    inline: bytes


@dataclass
class _Walk:
    """The file, how it writes numbers, and how much of what it may hold was met so far."""

    source: BinaryIO
    size_bytes: int
    order: str
    is_big: bool
    entries: int = 0
    strips: int = 0
    pixels: int = 0

    def unpack(self, form: str, content: bytes) -> tuple[int, ...]:
        return struct.unpack(self.order + form, content)

    def read(self, form: str) -> tuple[int, ...]:
        return self.unpack(form, read_exactly(self.source, struct.calcsize("=" + form)))


def inspect_tiff(source: BinaryIO, size_bytes: int) -> None:
    """Refuse a TIFF that is not whole, is too much, or is another file as well.

    Raises CorruptContent, AmbiguousContent, ImageLimitsExceeded.
    """
    walk, position = _read_header(source, size_bytes)
    seen: set[int] = set()
    while position:
        if position in seen:
            raise catalogue.CorruptContent(note="TIFF pages in a circle")
        if len(seen) == MAX_FRAMES:
            raise image_limits_exceeded("too many pages")
        seen.add(position)
        entries, position = _read_directory(walk, position)
        _check_page(walk, entries)
    if not seen:
        raise catalogue.CorruptContent(note="no pages")
    check_no_second_format(source, size_bytes)


def _read_header(source: BinaryIO, size_bytes: int) -> tuple[_Walk, int]:
    """The walk, and where the first page's directory stands."""
    source.seek(0)
    order = ORDERS.get(read_exactly(source, 2))
    if order is None:
        raise catalogue.CorruptContent(note="no TIFF header")
    walk = _Walk(source, size_bytes, order, is_big=False)
    (version,) = walk.read("H")
    if version == CLASSIC:
        return walk, walk.read("I")[0]
    walk.is_big = True
    if version != BIG or walk.read("HH") != (8, 0):
        raise catalogue.CorruptContent(note="no TIFF header")
    return walk, walk.read("Q")[0]


def _read_directory(walk: _Walk, position: int) -> tuple[dict[int, _Entry], int]:
    """The tags of a page, and where the next page's directory stands; 0 after the last."""
    _go_to(walk, position)
    (count,) = walk.read("Q" if walk.is_big else "H")
    walk.entries += count
    if not 0 < count <= MAX_ENTRIES or walk.entries > MAX_ENTRIES_OF_ALL_PAGES:
        raise catalogue.CorruptContent(note="TIFF directory of a strange length")
    content = read_exactly(walk.source, count * (20 if walk.is_big else 12))
    form = walk.order + ("HHQ8s" if walk.is_big else "HHI4s")
    entries = {tag: _Entry(*rest) for tag, *rest in struct.iter_unpack(form, content)}
    return entries, walk.read("Q" if walk.is_big else "I")[0]


def _go_to(walk: _Walk, position: int) -> None:
    if position >= walk.size_bytes:
        raise catalogue.CorruptContent(note="TIFF points behind its end")
    walk.source.seek(position)


def _check_page(walk: _Walk, entries: dict[int, _Entry]) -> None:
    width, height = _read_one(walk, entries, WIDTH), _read_one(walk, entries, HEIGHT)
    check_pixels(width, height)
    walk.pixels += width * height
    if walk.pixels > MAX_PIXELS_OF_ALL_FRAMES:
        raise image_limits_exceeded("too many pixels on all pages")
    places = entries.get(TILES) or entries.get(STRIPS)
    if places is None:
        raise catalogue.CorruptContent(note="no pixels")
    lengths = entries.get(TILE_LENGTHS) or entries.get(STRIP_LENGTHS)
    # Decoders take what is there of pixels that are stored plainly: their lengths are often wrong.
    is_plain = _read_one(walk, entries, COMPRESSION, UNCOMPRESSED) == UNCOMPRESSED
    _check_places(walk, places, None if is_plain else lengths)


def _check_places(walk: _Walk, places: _Entry, lengths: _Entry | None) -> None:
    """Strips or tiles start, and end when it is known, inside the file."""
    walk.strips += places.length
    if walk.strips > MAX_STRIPS:
        raise catalogue.CorruptContent(note="too many TIFF strips")
    for start in range(0, places.length, STEP_NUMBERS):
        ends = _read_numbers(walk, places, start)
        if lengths is not None and start < lengths.length:
            ends = tuple(map(operator.add, ends, _read_numbers(walk, lengths, start)))
        if max(ends) > walk.size_bytes:
            raise catalogue.CorruptContent(note="TIFF pixels are cut short")


def _read_one(walk: _Walk, entries: dict[int, _Entry], tag: int, default: int = 0) -> int:
    entry = entries.get(tag)
    return _read_numbers(walk, entry, 0)[0] if entry is not None else default


def _read_numbers(walk: _Walk, entry: _Entry, start: int) -> tuple[int, ...]:
    """At most `STEP_NUMBERS` of an entry's numbers, from the one at `start` on."""
    letter = NUMBERS.get(entry.kind)
    if letter is None or not entry.length:
        raise catalogue.CorruptContent(note="TIFF entry is no number")
    width = struct.calcsize("=" + letter)
    count = min(STEP_NUMBERS, entry.length - start)
    if width * entry.length <= len(entry.inline):
        return walk.unpack(f"{count}{letter}", entry.inline[: width * count])
    (place,) = walk.unpack("Q" if walk.is_big else "I", entry.inline)
    _go_to(walk, place + start * width)
    return walk.read(f"{count}{letter}")
