"""Samsung's trailer: named notes behind a JPEG, and a directory that leads back to each.

Layout, as ExifTool documents it: the notes, "SEFH", version, count, an entry of 12 bytes for
each note (zero, type, distance back from "SEFH", size), the directory's length, "SEFT".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

END = b"SEFT"
DIRECTORY = b"SEFH"
ENTRY_BYTES = 12
MAX_NOTES = 256
# A note that is a film of its own: the other half of a motion photo.
FILM = 0x0A30


def find_samsung_trailer(source: BinaryIO, start: int, latest: int, size_bytes: int) -> bool:
    """True when such a trailer, gapless and without a film, reaches to the end of the file.

    It starts between `start` and `latest`: between them are zeros, and so may its first bytes be.
    """
    entries = _read_directory(source, start, size_bytes)
    if entries is None:
        return False
    directory, notes = entries
    notes.sort(key=lambda note: note[1])
    position = notes[0][1] if notes else directory
    if not start <= position <= latest:
        return False
    for kind, begins, length in notes:
        if kind == FILM or begins != position or not _is_note(source, kind, begins, length):
            return False
        position = begins + length
    return position == directory


def _read_directory(
    source: BinaryIO, start: int, size_bytes: int
) -> tuple[int, list[tuple[int, int, int]]] | None:
    """Where the directory stands, and type, place and length of each note."""
    if size_bytes - start < 8:
        return None
    source.seek(size_bytes - 8)
    length, end = struct.unpack("<I4s", source.read(8))
    directory = size_bytes - 8 - length
    if end != END or not 12 <= length <= 12 + MAX_NOTES * ENTRY_BYTES or directory < start:
        return None
    source.seek(directory)
    content = source.read(length)
    name, _, count = struct.unpack_from("<4sII", content)
    if name != DIRECTORY or length != 12 + count * ENTRY_BYTES:
        return None
    return directory, list(_entries(content, directory))


def _entries(content: bytes, directory: int) -> Iterator[tuple[int, int, int]]:
    for _, kind, back, length in struct.iter_unpack("<HHII", content[12:]):
        yield kind, directory - back, length


def _is_note(source: BinaryIO, kind: int, begins: int, length: int) -> bool:
    """A note repeats its type and has a name of a sensible length."""
    source.seek(begins)
    header = source.read(8)
    if length < 8 or len(header) < 8:
        return False
    _, repeated, name_length = struct.unpack("<HHI", header)
    return bool(repeated == kind and 8 + name_length <= length)
