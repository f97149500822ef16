"""What an entry of an archive may be called, and that it is a plain file or folder.

OWASP ASVS 5.0 5.2.5 and 5.3.3. Nothing here is ever unpacked by its name; whoever gets the
archive later will do it.
"""

from __future__ import annotations

import hashlib
import re
import stat
import unicodedata
import zlib
from collections.abc import Iterable, Iterator

from errors import catalogue
from security.structure.zip_directory import Entry

# Controls, the separator of another system, an absolute path or a drive, a way up.
_UNSAFE = re.compile(r"[\0-\x1f\x7f-\x9f\\]|^/|^[A-Za-z]:|(^|/)\.\.(/|$)")
# Some Java tools leave a mode of all ones, which is none of these and no kind at all.
_UNSAFE_KINDS = (stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK)
# What Info-ZIP reads from a pipe it names so, and marks as one.
_STANDARD_INPUT = b"-"
# Normalising sorts the marks on a letter in quadratic time, and holds every thread of the process
# meanwhile: 64 KB of them took a second, and 11 KB of upload had seven such names (measured).
# Windows ends at 260 characters; no text has more marks in a row (UAX 15, Stream-Safe Format).
MAX_NAME_BYTES = 1024
MAX_MARKS = 30


def check_names(entries: Iterable[Entry]) -> None:
    """Every entry is a regular file or a folder, named plainly, and named once.

    Names are compared without case and in one Unicode form, as file systems do that are not
    ours. Raises ArchiveUnsafeEntry, CorruptContent.
    """
    seen: set[bytes] = set()
    for entry in entries:
        _check_kind(entry)
        for key in {_key(name) for name in _names(entry)}:
            if key in seen:
                raise catalogue.ArchiveUnsafeEntry(note="two entries of one name")
            seen.add(key)


def _names(entry: Entry) -> Iterator[str]:
    """The name, and the other one that a newer reader takes instead (APPNOTE 4.6.9)."""
    if max(len(entry.raw_name), len(entry.unicode_path or b"")) > MAX_NAME_BYTES:
        raise catalogue.ArchiveUnsafeEntry(note="name of an entry is too long")
    yield _checked(entry.name)
    path = entry.unicode_path
    if path and len(path) > 5 and path[1:5] == zlib.crc32(entry.raw_name).to_bytes(4, "little"):
        try:
            yield _checked(path[5:].decode())
        except UnicodeDecodeError as error:
            raise catalogue.CorruptContent(note="name of a zip entry") from error


def _checked(name: str) -> str:
    if not name.strip("/") or _UNSAFE.search(name) or _has_heaped_marks(name):
        raise catalogue.ArchiveUnsafeEntry(note="name of an entry")
    return name


def _has_heaped_marks(name: str) -> bool:
    """More combining marks in a row than any text has."""
    in_a_row = 0
    for letter in "" if name.isascii() else name:
        in_a_row = in_a_row + 1 if unicodedata.combining(letter) else 0
        if in_a_row > MAX_MARKS:
            return True
    return False


def _key(name: str) -> bytes:
    """One short key for all spellings of a path."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", "/".join(parts)).casefold())
    return hashlib.blake2b(folded.encode(), digest_size=16).digest()


def _check_kind(entry: Entry) -> None:
    kind = stat.S_IFMT(entry.unix_mode)
    is_piped = kind == stat.S_IFIFO and entry.raw_name == _STANDARD_INPUT
    if kind in _UNSAFE_KINDS and not is_piped:
        raise catalogue.ArchiveUnsafeEntry(note="entry is a link or a device")
    if entry.raw_name.endswith(b"/") and entry.unpacked_bytes:
        raise catalogue.ArchiveUnsafeEntry(note="folder with content")
