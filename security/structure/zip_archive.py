"""ZIP archives: every member is unpacked, counted and thrown away, archives in it as well.

Nothing is ever extracted by name. What is no ZIP and no gzip cannot be looked into without
another parser of hostile bytes, so an archive that holds it is refused.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, cast

from django.conf import settings

from errors import catalogue
from security.structure import ole
from security.structure.limits import archive_limits_exceeded
from security.structure.second_format import find_pdf_headers, refuse_late_archive
from security.structure.zip_directory import END_SIGNATURE, Entry, find_directory, read_entries
from security.structure.zip_layout import locate_members
from security.structure.zip_members import (
    GZIP,
    STORED,
    Budget,
    check_member_size,
    inflate,
    unpack_member,
)
from security.structure.zip_names import check_names
from security.upload import STAGING

# As much as shows every signature below; an ISO image has its own at 32769.
HEAD_BYTES = 36 * 1024
# A nested archive of this size stays in memory; there are at most two at a time.
MAX_SPOOL_IN_MEMORY_BYTES = 256 * 1024

ZIP_SIGNATURES = (b"PK\3\4", END_SIGNATURE)
GZIP_SIGNATURE = b"\x1f\x8b\x08"
# Offset and bytes: 7z, RAR, xz, Zstandard, cabinet, tar, ISO 9660.
CLOSED_SIGNATURES = (
    (0, b"7z\xbc\xaf\x27\x1c"),
    (0, b"Rar!\x1a\x07"),
    (0, b"\xfd7zXZ\x00"),
    (0, b"\x28\xb5\x2f\xfd"),
    (0, b"MSCF\0\0\0\0"),
    (257, b"ustar"),
    (32769, b"CD001"),
)
BZIP2_SIGNATURE, BZIP2_BLOCK = b"BZh", b"1AY&SY"

# Looks into an archive of that many bytes, inside what is left of the budget.
Level = Callable[[BinaryIO, int, Budget], None]


def inspect_zip(source: BinaryIO, size_bytes: int) -> None:
    """Refuse an archive that is not whole, hides something or unpacks to too much.

    Raises CorruptContent, AmbiguousContent, EncryptedContent, ArchiveUnsafeEntry,
    ArchiveLimitsExceeded.
    """
    inspect_members(source, size_bytes, Budget(size_bytes))


def inspect_members(source: BinaryIO, size_bytes: int, budget: Budget) -> None:
    """The same, one level of it: a `Level`."""
    with budget.one_level_deeper():
        entries = open_archive(source, size_bytes, budget)
        _check_pdf_headers(source, entries)
        for entry in entries:
            look_inside(unpack_member(source, entry), budget, inspect_members)


def open_archive(source: BinaryIO, size_bytes: int, budget: Budget) -> list[Entry]:
    """The entries of an archive whose directory, names, sizes and headers are all in order.

    Raises CorruptContent, AmbiguousContent, EncryptedContent, ArchiveUnsafeEntry,
    ArchiveLimitsExceeded.
    """
    directory = find_directory(source, size_bytes)
    budget.take_entries(directory.entries)
    entries = read_entries(source, directory)
    check_names(entries)
    budget.take_members(entries)
    locate_members(source, directory, entries)
    return entries


def _check_pdf_headers(source: BinaryIO, entries: list[Entry]) -> None:
    """A PDF may be a member that is stored as it is; one that begins elsewhere is a second format.

    Raises AmbiguousContent.
    """
    members = {entry.content_offset for entry in entries if entry.method == STORED}
    if not members.issuperset(find_pdf_headers(source)):
        raise catalogue.AmbiguousContent(note="PDF header between zip entries")


def look_inside(pieces: Iterable[bytes], budget: Budget, level: Level) -> None:
    """Read a member to its end, and what it contains if it is an archive itself.

    Raises EncryptedContent, ArchiveLimitsExceeded and what `level` and the pieces raise.
    """
    head, pieces = _split_head(pieces)
    if head.startswith(ZIP_SIGNATURES):
        _look_inside_zip(pieces, budget, level)
    elif head.startswith(GZIP_SIGNATURE):
        with budget.one_level_deeper():
            look_inside(_counted(inflate(pieces, GZIP), budget), budget, level)
    elif is_closed(head):
        raise archive_limits_exceeded("cannot be looked into")
    elif head.startswith(ole.SIGNATURE):
        _exhaust(refuse_late_archive(ole.refuse_encrypted(pieces)))
    else:
        _exhaust(refuse_late_archive(pieces))


def is_closed(head: bytes) -> bool:
    """True for an archive of a kind nothing here can unpack."""
    if head.startswith(BZIP2_SIGNATURE) and head[4:].startswith(BZIP2_BLOCK):
        return True
    return any(head.startswith(signature, offset) for offset, signature in CLOSED_SIGNATURES)


def _look_inside_zip(pieces: Iterable[bytes], budget: Budget, level: Level) -> None:
    """A ZIP is read from its end, so its bytes wait in a file without a name."""
    with tempfile.SpooledTemporaryFile(
        MAX_SPOOL_IN_MEMORY_BYTES, dir=str(settings.STORAGE_ROOT / STAGING)
    ) as spool:
        size_bytes = sum(spool.write(piece) for piece in pieces)
        spool.seek(0)
        level(cast(BinaryIO, spool), size_bytes, budget)


def _split_head(pieces: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes, and all the bytes again."""
    rest, head = iter(pieces), b""
    for piece in rest:
        head += piece
        if len(head) >= HEAD_BYTES:
            break
    return head, itertools.chain([head], rest)


def _counted(pieces: Iterable[bytes], budget: Budget) -> Iterator[bytes]:
    size_bytes = 0
    for piece in pieces:
        size_bytes += len(piece)
        check_member_size(size_bytes)
        budget.take_bytes(len(piece))
        yield piece


def _exhaust(pieces: Iterable[bytes]) -> None:
    for _ in pieces:
        pass
