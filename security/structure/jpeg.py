"""JPEG: its segments and scans, to the end marker, and the few things cameras put behind it.

Behind the end of the picture only this passes, in any order: zeros, further whole JPEG pictures
(previews, gain maps, the second eye: CIPA DC-007), and Samsung's trailer of notes. Anything else
is a second file in this one: a ZIP archive, HTML, PHP, or the film of a motion photo.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import BinaryIO

from errors import catalogue
from security.image_limits import MAX_FRAMES, MAX_PIXELS, check_pixels, image_limits_exceeded
from security.structure.reading import STEP_BYTES, read_exactly, skip_zeros
from security.structure.samsung import find_samsung_trailer
from security.structure.second_format import check_no_second_format

START_OF_PICTURE = b"\xff\xd8\xff"
# In a picture and in those behind it. A depth map in extended XMP takes some hundred segments.
MAX_SEGMENTS = 50_000
# As libjpeg-turbo's own fuzzers: a progressive picture has some ten scans, each costs a pass.
MAX_SCANS = 500
# And all of a large one more than a pass over small ones: 495 scans of 100 megapixels, 266 KB of
# upload, kept a worker for its whole minute (measured). At full size this leaves twenty.
MAX_SCANNED_PIXELS = 20 * MAX_PIXELS
FIRST_STEP_BYTES = 8 * 1024

START, END, SCAN = 0xD8, 0xD9, 0xDA
# Start of frame in all its kinds; DHT, JPG and DAC lie between them (ITU-T T.81, table B.1).
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Inside pixels: stuffed zeros, restart markers and fill bytes are no markers.
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")


@dataclass
class _Walk:
    """The file, and how much of what it may hold was met so far."""

    source: BinaryIO
    segments: int = 0
    scans: int = 0
    pictures: int = 0
    # Of the picture it is in, and of all scans so far.
    pixels: int = 0
    scanned_pixels: int = 0


def inspect_jpeg(source: BinaryIO, size_bytes: int) -> None:
    """Refuse a JPEG that is not whole, is too much, or hides something.

    Raises CorruptContent, AmbiguousContent, ImageLimitsExceeded.
    """
    source.seek(0)
    if source.read(3) != START_OF_PICTURE:
        raise catalogue.CorruptContent(note="no JPEG start")
    walk = _Walk(source)
    end = _walk_picture(walk, 0)
    while (follows := skip_zeros(source, end)) < size_bytes:
        end = _walk_trailer(walk, end, follows, size_bytes)
    check_no_second_format(source, size_bytes)


def _walk_trailer(walk: _Walk, end: int, follows: int, size_bytes: int) -> int:
    """Where the thing behind the picture's end ends itself, when it is one that cameras write."""
    walk.source.seek(follows)
    if walk.source.read(3) == START_OF_PICTURE:
        return _walk_picture(walk, follows)
    if find_samsung_trailer(walk.source, end, follows, size_bytes):
        return size_bytes
    raise catalogue.AmbiguousContent(note="bytes after the end")


def _walk_picture(walk: _Walk, position: int) -> int:
    """Where the picture that starts there ends."""
    walk.pictures += 1
    if walk.pictures > MAX_FRAMES:
        raise image_limits_exceeded("too many pictures")
    walk.source.seek(position + 2)
    has_frame, has_scan = False, False
    while (marker := _read_marker(walk)) != END:
        if marker in FRAMES:
            _read_frame(walk, has_frame)
            has_frame = True
        else:
            _skip_segment(walk.source)
        if marker == SCAN:
            _skip_scan(walk, has_frame)
            has_scan = True
    if not has_scan:
        raise catalogue.CorruptContent(note="no pixels")
    return walk.source.tell()


def _read_marker(walk: _Walk) -> int:
    """The next marker; fill bytes may stand before it, each counts like a segment."""
    walk.segments += 1
    first, marker = read_exactly(walk.source, 2)
    while marker == 0xFF and walk.segments <= MAX_SEGMENTS:
        (marker,) = read_exactly(walk.source, 1)
        walk.segments += 1
    if first != 0xFF or marker in (0x00, 0xFF, START) or walk.segments > MAX_SEGMENTS:
        raise catalogue.CorruptContent(note="no JPEG marker")
    return marker


def _skip_segment(source: BinaryIO) -> None:
    (length,) = struct.unpack(">H", read_exactly(source, 2))
    if length < 2:
        raise catalogue.CorruptContent(note="JPEG segment of no length")
    source.seek(length - 2, 1)


def _read_frame(walk: _Walk, has_frame: bool) -> None:
    """Height and width, once for each picture; a height told only after the pixels is too rare."""
    length, _, height, width, components = struct.unpack(">HBHHB", read_exactly(walk.source, 8))
    if has_frame or not components or length != 8 + 3 * components:
        raise catalogue.CorruptContent(note="JPEG frame header")
    check_pixels(width, height)
    walk.pixels = width * height
    walk.source.seek(3 * components, 1)


def _skip_scan(walk: _Walk, has_frame: bool) -> None:
    """Leave the source at the marker that ends the pixels."""
    walk.scans += 1
    if not has_frame or walk.scans > MAX_SCANS:
        raise catalogue.CorruptContent(note="JPEG scan without a frame, or too many scans")
    walk.scanned_pixels += walk.pixels
    if walk.scanned_pixels > MAX_SCANNED_PIXELS:
        raise image_limits_exceeded("too many pixels in all scans")
    position, step = walk.source.tell(), FIRST_STEP_BYTES
    while len(block := walk.source.read(step)) > 1:
        if found := _MARKER.search(block):
            walk.source.seek(position + found.start())
            return
        # The last byte may be the first half of a marker.
        position += len(block) - 1
        walk.source.seek(position)
        step = STEP_BYTES
    raise catalogue.CorruptContent(note="ends within the pixels")
