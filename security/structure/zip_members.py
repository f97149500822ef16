"""Unpacks members in small pieces, and stops at the first byte that was not announced."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from errors import catalogue
from security.structure.limits import (
    MAX_DEPTH,
    MAX_ENTRIES,
    MAX_RATIO,
    RATIO_COUNTS_FROM_BYTES,
    archive_limits_exceeded,
    max_member_bytes,
    max_unpacked_bytes,
)
from security.structure.zip_directory import FLAG_PATCH, Entry, read_at

READ_BYTES = 64 * 1024
PIECE_BYTES = 256 * 1024
# Elements that are read one by one: a second's work. A sheet has at most 65,530 links.
MAX_ELEMENTS = 500_000
FEW_ATTRIBUTES = 8

STORED, DEFLATED = 0, 8
RAW_DEFLATE, GZIP = -zlib.MAX_WBITS, zlib.MAX_WBITS + 16


@dataclass
class Budget:
    """What one upload may still unpack, all its levels together.

    The ratio is that of everything unpacked so far to the upload itself.
    """

    upload_bytes: int
    entries: int = 0
    unpacked_bytes: int = 0
    elements: int = 0
    depth: int = 0

    @contextlib.contextmanager
    def one_level_deeper(self) -> Iterator[None]:
        """Raises ArchiveLimitsExceeded."""
        if self.depth == MAX_DEPTH:
            raise archive_limits_exceeded("nested too deep")
        self.depth += 1
        yield
        self.depth -= 1

    def take_entries(self, count: int) -> None:
        """Raises ArchiveLimitsExceeded."""
        self.entries += count
        if self.entries > MAX_ENTRIES:
            raise archive_limits_exceeded("too many entries")

    def take_bytes(self, count: int) -> None:
        """Raises ArchiveLimitsExceeded."""
        self.unpacked_bytes += count
        if self.unpacked_bytes > max_unpacked_bytes():
            raise archive_limits_exceeded("unpacks to too much")
        if self.unpacked_bytes > max(RATIO_COUNTS_FROM_BYTES, MAX_RATIO * self.upload_bytes):
            raise archive_limits_exceeded("packed too well")

    def take_element(self, attributes: int) -> None:
        """One with few attributes, as real ones have, or as good as several.

        Raises ArchiveLimitsExceeded.
        """
        self.elements += 1 + attributes // FEW_ATTRIBUTES
        if self.elements > MAX_ELEMENTS:
            raise archive_limits_exceeded("too many relationships or content types")

    def take_members(self, entries: Iterable[Entry]) -> None:
        """Take what the directory announces, before anything is unpacked.

        Raises ArchiveLimitsExceeded.
        """
        for entry in entries:
            check_member_size(entry.unpacked_bytes)
            self.take_bytes(entry.unpacked_bytes)


def check_member_size(size_bytes: int) -> None:
    """Raises ArchiveLimitsExceeded (V-05: clamd would scan only the start of it)."""
    if size_bytes > max_member_bytes():
        raise archive_limits_exceeded("member is too large")


def unpack_member(source: BinaryIO, entry: Entry) -> Iterator[bytes]:
    """The content of one entry, as many bytes as announced and with the announced CRC.

    Raises CorruptContent, ArchiveLimitsExceeded for a compression nobody here can undo.
    """
    packed = _read_packed(source, entry)
    if entry.method not in (STORED, DEFLATED) or entry.flags & FLAG_PATCH:
        raise archive_limits_exceeded("compression cannot be looked into")
    if entry.method == DEFLATED:
        return _check_whole(inflate(packed, RAW_DEFLATE), entry)
    if entry.packed_bytes != entry.unpacked_bytes:
        raise catalogue.CorruptContent(note="stored zip entry has two sizes")
    return _check_whole(packed, entry)


def _read_packed(source: BinaryIO, entry: Entry) -> Iterator[bytes]:
    position, end = entry.content_offset, entry.content_offset + entry.packed_bytes
    while position < end:
        piece = read_at(source, position, min(READ_BYTES, end - position))
        position += len(piece)
        yield piece


def inflate(packed: Iterable[bytes], window_bits: int) -> Iterator[bytes]:
    """One deflate stream, unpacked in pieces of at most 256 KiB; nothing may follow it.

    Raises CorruptContent.
    """
    unpacker = zlib.decompressobj(window_bits)
    for piece in packed:
        if unpacker.eof:
            raise catalogue.CorruptContent(note="bytes after compressed content")
        is_full = True
        # zlib goes on handing back what follows the end, so the end has to be asked for.
        while (piece or is_full) and not unpacker.eof:
            try:
                unpacked = unpacker.decompress(piece, PIECE_BYTES)
            except zlib.error as error:
                raise catalogue.CorruptContent(note="compressed content") from error
            piece, is_full = unpacker.unconsumed_tail, len(unpacked) == PIECE_BYTES
            yield unpacked
    if not unpacker.eof or unpacker.unused_data:
        raise catalogue.CorruptContent(note="compressed content does not end where it should")


def _check_whole(pieces: Iterable[bytes], entry: Entry) -> Iterator[bytes]:
    count, crc = 0, 0
    for piece in pieces:
        count += len(piece)
        crc = zlib.crc32(piece, crc)
        if count > entry.unpacked_bytes:
            raise catalogue.CorruptContent(note="zip entry is larger than announced")
        yield piece
    if (count, crc) != (entry.unpacked_bytes, entry.crc):
        raise catalogue.CorruptContent(note="zip entry is not what was announced")
