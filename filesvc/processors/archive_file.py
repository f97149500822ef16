"""Opens a ZIP whose directory is bounded and in the clear; unpacks members in steps, counted."""

from __future__ import annotations

import codecs
import errno
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from errors import catalogue
from filesvc.processors.subject import Subject
from security.archive_limits import MAX_DEPTH, MAX_ENTRIES, MAX_RATIO

CHUNK_BYTES = 64 * 1024
# Never narrower than the gate, which refused by the operator's own limits before.
MAX_UNPACKED_BYTES = 8 * 1024**3
ENCRYPTED = 0x1
# What zipfile and zlib raised on 50,000 damaged archives (measured; BadZipFile is documented).
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError)

# zipfile decodes old names with it and Python loads it from a file at its first use.
codecs.lookup("cp437")


def archive_limits_exceeded(note: str) -> catalogue.ArchiveLimitsExceeded:
    """The refusal of an archive that is too much."""
    return catalogue.ArchiveLimitsExceeded(
        note=note,
        max_ratio=MAX_RATIO,
        max_entries=MAX_ENTRIES,
        max_depth=MAX_DEPTH,
        max_unpacked_bytes=MAX_UNPACKED_BYTES,
    )


@contextmanager
def archive_faults() -> Iterator[None]:
    """Raises CorruptContent for what zipfile cannot read."""
    try:
        yield
    except UNREADABLE as error:
        raise catalogue.CorruptContent(note=f"ZIP: {type(error).__name__}") from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # a place before the start; anything else is the disk's
            raise
        raise catalogue.CorruptContent(note="ZIP: place outside the file") from error


def open_archive(subject: Subject) -> zipfile.ZipFile:
    """The archive, with its directory read and nothing unpacked.

    Raises CorruptContent, EncryptedContent, ArchiveLimitsExceeded.
    """
    with archive_faults():
        archive = zipfile.ZipFile(subject.source)
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise archive_limits_exceeded("entries")
    if sum(entry.file_size for entry in entries) > MAX_UNPACKED_BYTES:
        raise archive_limits_exceeded("unpacked size")
    if any(entry.flag_bits & ENCRYPTED for entry in entries):
        raise catalogue.EncryptedContent(note="ZIP entry")
    if not all(entry.filename for entry in entries):  # zipfile itself stumbles over these
        raise catalogue.CorruptContent(note="ZIP: entry without a name")
    return archive


def unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """The bytes of one member, as many as the directory tells and with its checksum.

    zipfile stops at the size of the directory, so no member grows past what was summed; it
    would unpack other methods than deflate without a bound (bzip2: a million to one).
    Raises CorruptContent.
    """
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise catalogue.CorruptContent(note="ZIP: another method")
    missing = entry.file_size
    with archive_faults(), archive.open(entry) as member:
        while chunk := member.read(CHUNK_BYTES):
            missing -= len(chunk)
            yield chunk
    if missing:
        raise catalogue.CorruptContent(note="ZIP: member is cut short")
