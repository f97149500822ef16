"""The directory of an OLE file is looked for where its header says, and as far as is read."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from security.structure.ole import (
    DIRECTORY_READ_BYTES,
    SIGNATURE,
    STREAM_NAME,
    is_encrypted_office_file,
)

SECTOR = 3
LAST = DIRECTORY_READ_BYTES - len(STREAM_NAME)


def is_encrypted(folder: Path, start: bytes, shift: int, place: int) -> bool:
    """Asked of a file whose directory names the stream at that place."""
    header = bytearray(512)
    header[: len(start)] = start
    struct.pack_into("<H", header, 30, shift)
    struct.pack_into("<L", header, 48, SECTOR)
    path = folder / "a.docx"
    path.write_bytes(header.ljust((SECTOR + 1 << shift) + place, b"\0") + STREAM_NAME)
    with path.open("rb") as file:
        return is_encrypted_office_file(file.fileno())


@pytest.mark.parametrize("shift", [9, 12])
@pytest.mark.parametrize(
    ("place", "found"), [(-1, False), (0, True), (LAST, True), (LAST + 1, False)]
)
def test_the_directory_is_read_where_it_begins(
    tmp_path: Path, shift: int, place: int, found: bool
) -> None:
    assert is_encrypted(tmp_path, SIGNATURE, shift, place) == found


@pytest.mark.parametrize(("start", "shift"), [(SIGNATURE, 8), (SIGNATURE, 10), (b"PK\3\4", 9)])
def test_another_container_has_no_such_directory(tmp_path: Path, start: bytes, shift: int) -> None:
    assert not is_encrypted(tmp_path, start, shift, 0)
