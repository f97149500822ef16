"""FLAC: its metadata blocks, the first frame behind them, and a last frame that is whole.

Layout: "fLaC", blocks with a length each, the first of them STREAMINFO, then frames to the end.
A frame has a check sum but no length (RFC 9639): the last one is found from the end.
"""

from __future__ import annotations

import re
from typing import BinaryIO

from errors import catalogue
from security.audio_tags import skip_leading_tags, skip_trailing_tags
from security.structure.reading import read_exactly
from security.structure.second_format import check_no_second_format

STREAMINFO, FORBIDDEN = 0, 127
STREAMINFO_BYTES = 34
# Writers use a dozen; pictures are one block each.
MAX_BLOCKS = 1000
# Fourteen bits of sync, one that is zero, one for the kind of numbering.
FRAME_START = re.compile(rb"\xff[\xf8\xf9]")
MAX_FRAME_HEADER_BYTES = 16
# Frames of music take 15 KB; what is larger is not searched for its end.
MAX_LAST_FRAME_BYTES = 64 * 1024
MAX_TRIED_FRAMES = 16


def inspect_flac(source: BinaryIO, size_bytes: int) -> None:
    """Refuse a FLAC that has no sound, is cut short or is followed by anything but tags.

    Raises CorruptContent, AmbiguousContent.
    """
    source.seek(skip_leading_tags(source, size_bytes))
    if read_exactly(source, 4) != b"fLaC":
        raise catalogue.CorruptContent(note="no FLAC marker")
    largest_frame_bytes = _skip_blocks(source, size_bytes)
    start = source.tell()
    if not FRAME_START.match(source.read(2)):
        raise catalogue.CorruptContent(note="no FLAC frame behind the metadata")
    end = skip_trailing_tags(source, start, size_bytes)
    if largest_frame_bytes <= MAX_LAST_FRAME_BYTES:
        _check_last_frame(source, start, end)
    check_no_second_format(source, size_bytes)


def _skip_blocks(source: BinaryIO, size_bytes: int) -> int:
    """The source then stands behind the metadata. Returns how large a frame may be, in bytes."""
    largest_frame_bytes = 0
    for number in range(MAX_BLOCKS):
        header = read_exactly(source, 4)
        kind, length = header[0] & 0x7F, int.from_bytes(header[1:], "big")
        if source.tell() + length > size_bytes:
            raise catalogue.CorruptContent(note="FLAC block reaches behind the file")
        if kind == FORBIDDEN or (kind == STREAMINFO) != (number == 0):
            raise catalogue.CorruptContent(note="FLAC blocks out of order")
        if kind == STREAMINFO:
            largest_frame_bytes = _read_streaminfo(source, length)
        else:
            source.seek(length, 1)
        if header[0] & 0x80:
            return largest_frame_bytes
    raise catalogue.CorruptContent(note="too many FLAC blocks")


def _read_streaminfo(source: BinaryIO, length: int) -> int:
    """How many bytes a frame of this stream takes at most: as it stands there, or uncompressed."""
    if length != STREAMINFO_BYTES:
        raise catalogue.CorruptContent(note="FLAC stream information of a wrong length")
    content = read_exactly(source, STREAMINFO_BYTES)
    largest_block, told = int.from_bytes(content[2:4], "big"), int.from_bytes(content[7:10], "big")
    shape = int.from_bytes(content[10:14], "big")
    channels, bits = (shape >> 9 & 7) + 1, (shape >> 4 & 31) + 1
    if not shape >> 12:
        raise catalogue.CorruptContent(note="FLAC without a sample rate")
    return told or largest_block * channels * (bits + 1) // 8


def _check_last_frame(source: BinaryIO, start: int, end: int) -> None:
    """A frame ends where the sound ends: both its check sums fit (RFC 9639, 9.1.8 and 9.3).

    Raises CorruptContent: a file cut short and one with something behind it look the same.
    """
    window_start = max(start, end - MAX_LAST_FRAME_BYTES - MAX_FRAME_HEADER_BYTES)
    source.seek(window_start)
    tail = source.read(end - window_start)
    places = [found.start() for found in FRAME_START.finditer(tail)]
    headers = [place for place in reversed(places) if _is_frame_header(tail, place)]
    for place in headers[:MAX_TRIED_FRAMES]:
        if _crc16(tail[place:]) == 0:
            return
    raise catalogue.CorruptContent(note="last FLAC frame is not whole")


def _is_frame_header(tail: bytes, place: int) -> bool:
    """A header of that many bytes whose own check sum fits."""
    length = _header_bytes(tail[place : place + 5])
    header = tail[place : place + length]
    return 0 < length == len(header) and _crc8(header) == 0


def _header_bytes(start: bytes) -> int:
    """Four bytes, a number of one to seven bytes, up to two bytes each for size and rate, one."""
    if len(start) < 5:
        return 0
    size, rate, first = start[2] >> 4, start[2] & 15, start[4]
    leading_ones = 8 - (first ^ 0xFF).bit_length()
    if leading_ones in (1, 8) or size == 0 or rate == 15:
        return 0
    number = leading_ones or 1
    return 4 + number + {6: 1, 7: 2}.get(size, 0) + {12: 1, 13: 2, 14: 2}.get(rate, 0) + 1


def _make_table(polynomial: int, bits: int) -> list[int]:
    """Check sums of every single byte, for a generator without its highest bit."""
    table = []
    for value in range(256):
        rest = value << bits - 8
        for _ in range(8):
            rest = (rest << 1) ^ (polynomial if rest >> bits - 1 else 0)
            rest &= (1 << bits) - 1
        table.append(rest)
    return table


_CRC8 = _make_table(0x07, 8)
_CRC16 = _make_table(0x8005, 16)


def _crc8(content: bytes) -> int:
    rest = 0
    for byte in content:
        rest = _CRC8[rest ^ byte]
    return rest


def _crc16(content: bytes) -> int:
    rest = 0
    for byte in content:
        rest = (rest << 8 & 0xFFFF) ^ _CRC16[rest >> 8 ^ byte]
    return rest
