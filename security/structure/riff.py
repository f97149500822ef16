"""Walks RIFF, the container of WebP and WAV: one length around a row of chunks.

Layout: "RIFF", a 32-bit little-endian length that counts from byte 8, a form of four bytes, then
chunks of name, length and content, each padded to an even length (RFC 9649, section 2.3).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from errors import catalogue

HEADER_BYTES = 12
CHUNK_HEADER_BYTES = 8
# A WebP of the most frames we take has two chunks around each and a handful beside them.
MAX_CHUNKS = 20_000


class Chunk(NamedTuple):
    """One chunk: its four-byte name and where its content lies in the file."""

    name: bytes
    position: int
    length: int

    @property
    def end(self) -> int:
        """Where its content ends, without the padding."""
        return self.position + self.length


def read_riff_end(source: BinaryIO, size_bytes: int, form: bytes) -> int:
    """Where the container of that form ends, its padding included: never behind the file.

    Raises CorruptContent for another form or a length that the file does not have. Some writers
    count no padding byte at the end and some leave it out: both pass.
    """
    source.seek(0)
    header = source.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES or header[:4] != b"RIFF" or header[8:] != form:
        raise catalogue.CorruptContent(note="no RIFF header of this form")
    length: int = struct.unpack_from("<I", header, 4)[0]
    end = CHUNK_HEADER_BYTES + length
    if length < 4 or end > size_bytes + length % 2:
        raise catalogue.CorruptContent(note="RIFF length does not fit the file")
    return min(end + length % 2, size_bytes)


def walk_chunks(source: BinaryIO, start: int, end: int) -> Iterator[Chunk]:
    """The chunks between two positions, in their order; only their headers are read.

    The source may be moved between two chunks. Raises CorruptContent for a chunk that does not
    fit, for a few bytes that are no header, and for more than `MAX_CHUNKS`.
    """
    position = start
    for _ in range(MAX_CHUNKS):
        if position >= end:
            return
        chunk = read_chunk(source, position)
        if chunk.end > end:
            raise catalogue.CorruptContent(note="RIFF chunk reaches behind its container")
        yield chunk
        position = chunk.end + chunk.length % 2
    raise catalogue.CorruptContent(note="too many RIFF chunks")


def read_chunk(source: BinaryIO, position: int) -> Chunk:
    """The chunk whose header stands there; whether its content is there is not checked.

    Raises CorruptContent when the header is cut short.
    """
    source.seek(position)
    header = source.read(CHUNK_HEADER_BYTES)
    if len(header) < CHUNK_HEADER_BYTES:
        raise catalogue.CorruptContent(note="RIFF chunk header is cut short")
    return Chunk(header[:4], position + CHUNK_HEADER_BYTES, struct.unpack_from("<I", header, 4)[0])
