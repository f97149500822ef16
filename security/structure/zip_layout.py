"""Where a ZIP's members stand: every local header agrees with the directory, nothing else is there.

Readers differ in which of the two they believe; here both have to say the same.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from errors import catalogue
from security.structure.limits import archive_limits_exceeded
from security.structure.zip_directory import (
    EXTRA_UNICODE_PATH,
    EXTRA_ZIP64,
    FLAG_DESCRIPTOR,
    FLAG_ENCRYPTED,
    FLAG_MASKED,
    FLAG_STRONG_ENCRYPTION,
    FLAG_UTF8,
    FULL_32,
    Directory,
    Entry,
    read_at,
    read_extra_fields,
)

HEADER = struct.Struct("<4s5H3L2H")
# Zeros up to a page, which aligning writers leave; they hide nothing.
MAX_GAP_BYTES = 4096
# Of an entry that its local header calls masked, clamd sees nothing; other readers do (tried).
_SAME_FLAGS = FLAG_ENCRYPTED | FLAG_STRONG_ENCRYPTION | FLAG_UTF8 | FLAG_MASKED
# With and without its signature, of 32-bit and 64-bit sizes (APPNOTE 4.3.9).
_DESCRIPTORS = tuple(
    (signature, struct.Struct(form)) for signature in (b"PK\7\x08", b"") for form in ("<LQQ", "<3L")
)


def locate_members(source: BinaryIO, directory: Directory, entries: list[Entry]) -> None:
    """Set each entry's `content_offset`; together the members fill the file up to the directory.

    Raises CorruptContent, AmbiguousContent, ArchiveLimitsExceeded for entries that overlap.
    """
    position = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        _check_gap(source, position, entry.header_offset)
        position = _locate(source, entry)
    _check_gap(source, position, directory.offset)


def _check_gap(source: BinaryIO, start: int, end: int) -> None:
    if end < start:
        raise archive_limits_exceeded("zip entries overlap")
    if end == start:
        return
    if start == 0 or end - start > MAX_GAP_BYTES or any(read_at(source, start, end - start)):
        raise catalogue.AmbiguousContent(note="bytes between zip entries")


def _locate(source: BinaryIO, entry: Entry) -> int:
    """Where the entry ends, its data descriptor included."""
    header = HEADER.unpack(read_at(source, entry.header_offset, HEADER.size))
    signature, _, flags, method, _, _, crc, packed, unpacked, name, extra = header
    if signature != b"PK\3\4":
        raise catalogue.CorruptContent(note="local header of a zip entry")
    names = read_at(source, entry.header_offset + HEADER.size, name + extra)
    fields = read_extra_fields(memoryview(names)[name:])
    is_streamed = bool(flags & FLAG_DESCRIPTOR)
    if is_streamed:  # then everybody reads the sizes in the directory, clamd as well
        unpacked, packed = widen((unpacked, packed), fields.get(EXTRA_ZIP64, b""))
    same_name = names[:name] == entry.raw_name and _has_same_path(fields, entry)
    same_kind = method == entry.method and not (flags ^ entry.flags) & _SAME_FLAGS
    if not same_name or not same_kind:
        raise catalogue.AmbiguousContent(note="zip entry has two names or kinds")
    _check_sizes((crc, packed, unpacked), entry, is_streamed)
    entry.content_offset = entry.header_offset + HEADER.size + name + extra
    end = entry.content_offset + entry.packed_bytes
    return end + (_descriptor_bytes(source, entry, end) if is_streamed else 0)


def widen(told: tuple[int, ...], field: bytes) -> list[int]:
    """The sizes, each from the ZIP64 field where its own place is full of ones.

    Raises CorruptContent.
    """
    widened = []
    for value in told:
        if value == FULL_32 and len(field) < 8:
            raise catalogue.CorruptContent(note="zip64 field of a zip entry")
        if value == FULL_32:
            value, field = int.from_bytes(field[:8], "little"), field[8:]
        widened.append(value)
    return widened


def _has_same_path(fields: dict[int, bytes], entry: Entry) -> bool:
    """Some writers leave the newer name out of one of the two places; another one is none of it."""
    path = fields.get(EXTRA_UNICODE_PATH)
    return path is None or path == entry.unicode_path or path[5:] == entry.name.encode()


def _check_sizes(told: tuple[int, ...], entry: Entry, is_streamed: bool) -> None:
    """A streamed entry may leave them zero until its descriptor; macOS does with two of three."""
    for local, listed in zip(
        told, (entry.crc, entry.packed_bytes, entry.unpacked_bytes), strict=True
    ):
        if local != listed and not (is_streamed and local == 0):
            raise catalogue.AmbiguousContent(note="zip entry has two sizes")


def _descriptor_bytes(source: BinaryIO, entry: Entry, start: int) -> int:
    """How long the data descriptor is that tells the same sizes as the directory."""
    source.seek(start)
    found = source.read(4 + 20)
    for signature, form in _DESCRIPTORS:
        content = found[len(signature) :]
        if not found.startswith(signature) or len(content) < form.size:
            continue
        if form.unpack_from(content) == (entry.crc, entry.packed_bytes, entry.unpacked_bytes):
            return len(signature) + form.size
    raise catalogue.CorruptContent(note="data descriptor of a zip entry")
