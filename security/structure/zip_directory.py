"""A ZIP's central directory, read record by record and never larger than its limits.

The format is APPNOTE 6.3 (sections 4.3.12 to 4.3.16 and 4.5.3). Python's zipfile would make
an object of everything the directory says before anybody could count.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from errors import catalogue
from security.structure.limits import archive_limits_exceeded
from security.structure.reading import read_exactly

END = struct.Struct("<4s4H2LH")
END_ZIP64 = struct.Struct("<4sQ2H2L4Q")
LOCATOR_ZIP64 = struct.Struct("<4sLQL")
RECORD = struct.Struct("<4s4B4HL2L5H2L")

END_SIGNATURE = b"PK\5\6"
# A comment is text for people; anything longer is a place to hide in.
MAX_COMMENT_BYTES = 1024
# 10,000 names of 350 bytes, which is far above what the longest names of real archives take.
MAX_DIRECTORY_BYTES = 4 * 1024 * 1024

# What says that the number is in a ZIP64 field instead. No file of ours is large enough to need
# one, and clamd knows none: it loses such a member, and finds the rest clean (1.4.6, tried).
FULL_16, FULL_32 = 0xFFFF, 0xFFFFFFFF

# 6.3, the last of them (APPNOTE 4.4.3).
MAX_VERSION = 63
FLAG_ENCRYPTED = 1 << 0
FLAG_DESCRIPTOR = 1 << 3
FLAG_PATCH = 1 << 5
FLAG_STRONG_ENCRYPTION = 1 << 6
FLAG_UTF8 = 1 << 11
FLAG_MASKED = 1 << 13

METHOD_AES = 99
EXTRA_ZIP64 = 0x0001
EXTRA_STRONG_ENCRYPTION = 0x0017
EXTRA_UNICODE_PATH = 0x7075
EXTRA_AES = 0x9901
# Of two such fields in one record some readers believe the first, some the last.
_SINGLE = {EXTRA_ZIP64, EXTRA_UNICODE_PATH}


@dataclass(slots=True)
class Entry:
    """One record of the directory; `content_offset` is known once its local header is read."""

    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed_bytes: int
    unpacked_bytes: int
    header_offset: int
    unix_mode: int
    unicode_path: bytes | None = None
    content_offset: int = 0

    @property
    def name(self) -> str:
        """As UTF-8 where it is that, as many writers do without the flag; else code page 437.

        Raises CorruptContent.
        """
        try:
            return self.raw_name.decode()
        except UnicodeDecodeError as error:
            if self.flags & FLAG_UTF8:
                raise catalogue.CorruptContent(note="name of a zip entry") from error
            return self.raw_name.decode("cp437")


@dataclass(frozen=True, slots=True)
class Directory:
    """Where the directory stands, and what the end record says of it."""

    offset: int
    size_bytes: int
    entries: int


def read_at(source: BinaryIO, offset: int, size_bytes: int) -> bytes:
    """That many bytes from there.

    Raises CorruptContent.
    """
    source.seek(offset)
    return read_exactly(source, size_bytes)


def find_directory(source: BinaryIO, size_bytes: int) -> Directory:
    """The directory of an archive that ends with its end record and the record's own comment.

    Raises CorruptContent, AmbiguousContent.
    """
    end, directory = _read_end(source, size_bytes)
    end, directory = _read_zip64_end(source, end, directory)
    if directory.offset + directory.size_bytes != end:
        raise catalogue.AmbiguousContent(note="zip directory does not touch its end record")
    if directory.size_bytes < RECORD.size * directory.entries:
        raise catalogue.CorruptContent(note="zip directory is too small for its entries")
    return directory


def _read_end(source: BinaryIO, size_bytes: int) -> tuple[int, Directory]:
    tail_bytes = min(size_bytes, END.size + 0xFFFF)
    tail = read_at(source, size_bytes - tail_bytes, tail_bytes)
    start = tail.rfind(END_SIGNATURE)
    if start < 0 or len(tail) - start < END.size:
        raise catalogue.CorruptContent(note="zip without an end record")
    _, disk, first_disk, here, entries, size, offset, comment = END.unpack_from(tail, start)
    if len(tail) - start - END.size < comment:
        raise catalogue.CorruptContent(note="zip comment is cut short")
    if len(tail) - start - END.size > comment or comment > MAX_COMMENT_BYTES:
        raise catalogue.AmbiguousContent(note="bytes after the end of the zip")
    if disk not in (0, 0xFFFF) or first_disk not in (0, 0xFFFF) or here != entries:
        raise catalogue.CorruptContent(note="zip in several parts")
    return size_bytes - tail_bytes + start, Directory(offset, size, entries)


def _read_zip64_end(source: BinaryIO, end: int, told: Directory) -> tuple[int, Directory]:
    """The same out of the larger end record, when there is one; both must agree."""
    locator = end - LOCATOR_ZIP64.size
    start = locator - END_ZIP64.size
    if start < 0 or read_at(source, locator, 4) != b"PK\6\7":
        return end, told
    _, disk, told_start, disks = LOCATOR_ZIP64.unpack(read_at(source, locator, LOCATOR_ZIP64.size))
    if told_start != start:
        raise catalogue.AmbiguousContent(note="zip64 end record stands elsewhere")
    record = END_ZIP64.unpack(read_at(source, start, END_ZIP64.size))
    signature, length, _, _, this_disk, first_disk, here, entries, size, offset = record
    if signature != b"PK\6\6" or length != END_ZIP64.size - 12 or here != entries:
        raise catalogue.CorruptContent(note="zip64 end record")
    if disk or disks > 1 or this_disk or first_disk:
        raise catalogue.CorruptContent(note="zip in several parts")
    for small, large in (
        (told.entries, (entries, FULL_16)),
        (told.size_bytes, (size, FULL_32)),
        (told.offset, (offset,)),
    ):
        if small not in large:
            raise catalogue.AmbiguousContent(note="zip end records disagree")
    return start, Directory(offset, size, entries)


def read_entries(source: BinaryIO, directory: Directory) -> list[Entry]:
    """Every record of the directory, which has to hold nothing else.

    Raises CorruptContent, AmbiguousContent, EncryptedContent, ArchiveLimitsExceeded.
    """
    if directory.size_bytes > MAX_DIRECTORY_BYTES:
        raise archive_limits_exceeded("zip directory is too large")
    content = memoryview(read_at(source, directory.offset, directory.size_bytes))
    entries = []
    for _ in range(directory.entries):
        entry, length = _read_record(content)
        entries.append(entry)
        content = content[length:]
    if content:
        raise catalogue.CorruptContent(note="zip directory has more than its entries")
    return entries


def _read_record(content: memoryview) -> tuple[Entry, int]:
    if len(content) < RECORD.size:
        raise catalogue.CorruptContent(note="zip directory is cut short")
    (signature, _, _, version, _, flags, method, _, _, crc, packed, unpacked, name, extra, comment,
     disk, _, attributes, offset) = RECORD.unpack_from(content)  # fmt: skip
    length = RECORD.size + name + extra + comment
    if signature != b"PK\1\2" or len(content) < length or version > MAX_VERSION:
        raise catalogue.CorruptContent(note="record of the zip directory")
    raw_name = bytes(content[RECORD.size : RECORD.size + name])
    fields = read_extra_fields(content[RECORD.size + name :][:extra])
    _refuse_encryption(flags, method, fields)
    if FULL_32 in (unpacked, packed, offset) or disk == FULL_16:
        raise catalogue.AmbiguousContent(note="zip64 where none is needed")
    if disk:
        raise catalogue.CorruptContent(note="zip in several parts")
    entry = Entry(raw_name, flags, method, crc, packed, unpacked, offset, attributes >> 16)
    entry.unicode_path = fields.get(EXTRA_UNICODE_PATH)
    return entry, length


def read_extra_fields(extra: memoryview) -> dict[int, bytes]:
    """The extra fields by their ids; what is too short to be one is padding.

    Raises CorruptContent for a length that leaves the record, AmbiguousContent for a second
    field of a kind that places or names the content.
    """
    fields: dict[int, bytes] = {}
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        if len(extra) < 4 + length:
            raise catalogue.CorruptContent(note="extra field of a zip entry")
        if kind in fields and kind in _SINGLE:
            raise catalogue.AmbiguousContent(note="extra field of a zip entry twice")
        fields[kind] = bytes(extra[4 : 4 + length])
        extra = extra[4 + length :]
    return fields


def _refuse_encryption(flags: int, method: int, fields: dict[int, bytes]) -> None:
    if flags & (FLAG_ENCRYPTED | FLAG_STRONG_ENCRYPTION | FLAG_MASKED) or method == METHOD_AES:
        raise catalogue.EncryptedContent(note="encrypted zip entry")
    if EXTRA_AES in fields or EXTRA_STRONG_ENCRYPTION in fields:
        raise catalogue.EncryptedContent(note="encrypted zip entry")
