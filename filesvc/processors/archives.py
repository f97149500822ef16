"""ZIP archives: what their directory lists; nothing is unpacked."""

from __future__ import annotations

import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterable

from filesvc.metadata import MAX_LISTED, ArchiveMetadata, TypeCount, clean_name
from filesvc.processors.archive_file import open_archive
from filesvc.processors.subject import Description, Subject
from security.extensions import (
    ARCHIVE_EXTENSIONS,
    DANGEROUS_EXTENSIONS,
    PROGRAM_EXTENSIONS,
)

SUSPICIOUS_EXTENSIONS = ARCHIVE_EXTENSIONS | DANGEROUS_EXTENSIONS | PROGRAM_EXTENSIONS
# What Windows drops from the end of a name: `a.exe. .` is `a.exe` there.
DROPPED = ". "


def describe_archive(subject: Subject) -> Description:
    """Entries, folders too; types and suspicious entries are those of the files alone.

    Sizes are what the directory tells; the gate has proven them. Raises CorruptContent,
    EncryptedContent, ArchiveLimitsExceeded.
    """
    entries = open_archive(subject).infolist()
    names = [entry.filename for entry in entries if not entry.is_dir()]
    return Description(
        ArchiveMetadata(
            entries=len(entries),
            unpacked_bytes=sum(entry.file_size for entry in entries),
            deepest_path=max((folders_above(entry) for entry in entries), default=0),
            types=count_types(names),
            suspicious_entries=sum(is_suspicious(name) for name in names),
        )
    )


def folders_above(entry: zipfile.ZipInfo) -> int:
    """How many folders lead to the entry."""
    return len([part for part in entry.filename.split("/") if part not in ("", ".")][:-1])


def count_types(names: Iterable[str]) -> list[TypeCount]:
    """The most frequent extensions, each in lower case and empty for none; equals by alphabet."""
    counts = Counter(extension_of(name) for name in names)
    ordered = sorted(counts.items(), key=lambda counted: (-counted[1], counted[0]))
    return [TypeCount(extension=name, entries=count) for name, count in ordered[:MAX_LISTED]]


def extension_of(name: str) -> str:
    """Without its dot; a name that only begins with a dot has none."""
    base = name.rpartition("/")[2].lstrip(".")
    return clean_name(base.rpartition(".")[2].lower()) if "." in base else ""


def is_suspicious(name: str) -> bool:
    """True for a program, a script or an archive, and for a name that hides one.

    `invoice.exe.pdf` is made to be misread; an upload of that name is refused.
    """
    base = unicodedata.normalize("NFKC", name.rpartition("/")[2]).lower()
    # `notes.txt:evil.exe` names a second stream of a file on Windows.
    _, *suffixes = base.replace(":", ".").rstrip(DROPPED).split(".")
    found = [suffix.strip() for suffix in suffixes]
    return not SUSPICIOUS_EXTENSIONS.isdisjoint(found[-1:]) or not DANGEROUS_EXTENSIONS.isdisjoint(
        found
    )
