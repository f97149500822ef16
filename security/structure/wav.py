"""WAV: the chunks of a RIFF container, and that the sound it promises is there.

Writers that could not go back (a pipe) leave a length that means nothing: 0, or one close to
2 or 4 GiB (sox 0x7FFFF024, ffmpeg 0xFFFFFFFF). Their sound reaches to the end of the file. RF64
and BW64 (EBU 3306, ITU-R BS.2088) say 0xFFFFFFFF too and have the lengths somewhere else.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from errors import catalogue
from security.structure.reading import check_ends, read_exactly
from security.structure.riff import HEADER_BYTES, MAX_CHUNKS, Chunk, read_chunk
from security.structure.second_format import check_no_second_format

CONTAINERS = (b"RIFF", b"RF64", b"BW64")
FORMAT_BYTES = 16
UNKNOWN_FROM_BYTES = 0x7FFF_0000
ID3V1_BYTES = 128


def inspect_wav(source: BinaryIO, size_bytes: int) -> None:
    """Refuse a WAV that is cut short, has no format or no sound, or is followed by other things.

    Raises CorruptContent, AmbiguousContent.
    """
    _check_header(source, size_bytes)
    position, has_format = HEADER_BYTES, False
    for _ in range(MAX_CHUNKS):
        chunk = read_chunk(source, position)
        if chunk.name == b"data":
            break
        if chunk.name == b"fmt ":
            _check_format(source, chunk)
            has_format = True
        position = _skip(source, chunk, size_bytes)
    else:
        raise catalogue.CorruptContent(note="too many RIFF chunks")
    if not has_format:
        raise catalogue.CorruptContent(note="no format before the sound")
    if not _is_open_ended(chunk, size_bytes):
        _check_rest(source, _skip(source, chunk, size_bytes), size_bytes)
    check_no_second_format(source, size_bytes)


def _check_header(source: BinaryIO, size_bytes: int) -> None:
    """The container is not longer than the file; the last byte of padding may be missing."""
    source.seek(0)
    header = read_exactly(source, HEADER_BYTES)
    if header[:4] not in CONTAINERS or header[8:] != b"WAVE":
        raise catalogue.CorruptContent(note="no WAVE header")
    length: int = struct.unpack_from("<I", header, 4)[0]
    if length + 8 > size_bytes + 1 and length < UNKNOWN_FROM_BYTES:
        raise catalogue.CorruptContent(note="RIFF length does not fit the file")


def _check_format(source: BinaryIO, chunk: Chunk) -> None:
    if chunk.length < FORMAT_BYTES:
        raise catalogue.CorruptContent(note="short WAVE format")
    source.seek(chunk.position)
    _, channels, rate = struct.unpack_from("<HHI", read_exactly(source, FORMAT_BYTES))
    if channels == 0 or rate == 0:
        raise catalogue.CorruptContent(note="WAVE format without channels or rate")


def _is_open_ended(chunk: Chunk, size_bytes: int) -> bool:
    return chunk.length == 0 or (chunk.length >= UNKNOWN_FROM_BYTES and chunk.end > size_bytes)


def _skip(source: BinaryIO, chunk: Chunk, size_bytes: int) -> int:
    """Where the next chunk begins. Some writers leave out the padding of an odd length."""
    if chunk.end > size_bytes:
        raise catalogue.CorruptContent(note="RIFF chunk reaches behind the file")
    if chunk.length % 2 == 0:
        return chunk.end
    source.seek(chunk.end)
    return chunk.end + (not _is_name(source.read(4)))


def _check_rest(source: BinaryIO, position: int, size_bytes: int) -> None:
    """Behind the sound come chunks (some writers do not count them), zeros, or an ID3v1 tag.

    Raises AmbiguousContent for anything else, CorruptContent.
    """
    for _ in range(MAX_CHUNKS):
        source.seek(position)
        name = source.read(4)
        if size_bytes - position == ID3V1_BYTES and name.startswith(b"TAG"):
            return
        if not _is_name(name):
            check_ends(source, position, size_bytes)
            return
        position = _skip(source, read_chunk(source, position), size_bytes)
    raise catalogue.CorruptContent(note="too many RIFF chunks")


def _is_name(name: bytes) -> bool:
    return len(name) == 4 and name.isascii() and name.decode().isprintable()
