"""BMP: its headers, and that the pixels are all there and the last thing in the file."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from errors import catalogue
from security.image_limits import check_pixels
from security.structure.reading import check_ends, read_exactly
from security.structure.second_format import check_no_second_format

FILE_HEADER_BYTES = 14
# OS/2 1 has 12 bytes; Windows 40 to 124; OS/2 2 anything from 16 to 64.
CORE_HEADER_BYTES = 12
HEADER_BYTES = (CORE_HEADER_BYTES, *range(16, 65, 4), 108, 124)
DEPTHS = (1, 2, 4, 8, 16, 24, 32)
# BI_RGB, BI_BITFIELDS and BI_ALPHABITFIELDS store plain rows; BI_RLE8 and BI_RLE4 do not. The
# JPEG and PNG kinds are for printers only.
PLAIN, RUN_LENGTHS = (0, 3, 6), (1, 2)
# A row ends on four bytes, a last row sometimes does not.
ROW_PADDING_BYTES = 3
V5_HEADER_BYTES = 124
PROFILE_EMBEDDED = b"DEBM"


@dataclass(frozen=True)
class _Header:
    offset: int
    width: int
    height: int
    depth: int
    compression: int = 0
    pixel_bytes: int = 0
    profile_end: int = 0

    @property
    def end(self) -> int:
        """Where the pixels end, and the colour profile that may follow them."""
        length = self.pixel_bytes
        if self.compression in PLAIN:
            length = (self.width * self.depth + 31) // 32 * 4 * self.height
        return max(self.offset + length, self.profile_end)


def inspect_bmp(source: BinaryIO, size_bytes: int) -> None:
    """Refuse a BMP that is not whole, is too much, or is not the only thing in the file.

    The file's length in its header is often wrong and not believed. Raises CorruptContent,
    AmbiguousContent, ImageLimitsExceeded.
    """
    header = _read_header(source)
    if header.depth not in DEPTHS or header.compression not in PLAIN + RUN_LENGTHS:
        raise catalogue.CorruptContent(note="unknown kind of BMP")
    check_pixels(header.width, header.height)
    if header.compression in RUN_LENGTHS and not header.pixel_bytes:
        raise catalogue.CorruptContent(note="BMP without the length of its pixels")
    if header.end > size_bytes + ROW_PADDING_BYTES or header.offset < FILE_HEADER_BYTES:
        raise catalogue.CorruptContent(note="BMP pixels are cut short")
    check_ends(source, header.end, size_bytes)
    check_no_second_format(source, size_bytes)


def _read_header(source: BinaryIO) -> _Header:
    source.seek(0)
    signature, offset, length = struct.unpack("<2s8xII", read_exactly(source, 18))
    if signature != b"BM" or length not in HEADER_BYTES:
        raise catalogue.CorruptContent(note="no BMP header")
    content = read_exactly(source, length - 4)
    if length == CORE_HEADER_BYTES:
        width, height, depth = struct.unpack("<HH2xH", content)
        return _Header(offset, width, height, depth)
    width, height, depth = struct.unpack_from("<ii2xH", content)
    # Rows run from the top down when the height is negative.
    header = _Header(offset, width, abs(height), depth)
    if length == 16:
        return header
    compression, pixel_bytes = struct.unpack_from("<II", content.ljust(20, b"\0"), 12)
    profile_end = _read_profile_end(content) if length == V5_HEADER_BYTES else 0
    return _Header(offset, width, abs(height), depth, compression, pixel_bytes, profile_end)


def _read_profile_end(content: bytes) -> int:
    """Where an embedded colour profile ends; 0 without one."""
    kind = content[52:56]
    place, length = struct.unpack_from("<II", content, 108)
    return FILE_HEADER_BYTES + place + length if kind == PROFILE_EMBEDDED else 0
