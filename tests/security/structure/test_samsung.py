"""The trailer of a Samsung camera by itself: as many notes as it may have, and as short ones."""

from __future__ import annotations

import io
import struct

import pytest

from security.structure.samsung import find_samsung_trailer
from tests.files.images import samsung_trailer

LEAST = (0x0A01, b"", b"")
FIRST, SECOND = (0x0A02, b"First", b"1"), (0x0A01, b"Second", b"2")


def is_found(content: bytes, start: int = 0) -> bool:
    return find_samsung_trailer(io.BytesIO(content), start, start, len(content))


def test_notes_may_stand_in_any_order() -> None:
    trailer = samsung_trailer(FIRST, SECOND)
    entries = trailer[-32:-8]

    assert is_found(trailer)
    assert is_found(trailer[:-32] + entries[12:] + entries[:12] + trailer[-8:])


def test_there_may_be_256_notes_and_no_more() -> None:
    assert is_found(samsung_trailer(*[LEAST] * 256))
    assert not is_found(samsung_trailer(*[LEAST] * 257))


def test_a_name_ends_within_its_note() -> None:
    trailer = samsung_trailer((0x0A01, b"Name", b""))

    assert is_found(trailer)
    assert not is_found(trailer.replace(b"\x04\0\0\0Name", b"\x05\0\0\0Name"))


@pytest.mark.parametrize("size", range(9))
@pytest.mark.parametrize("start", [0, 5])
def test_what_is_shorter_than_any_trailer_is_none(size: int, start: int) -> None:
    assert not is_found(b"\x0c\0\0\0SEFT"[8 - size :], min(start, size))


def test_a_directory_shorter_than_its_own_head_is_none() -> None:
    assert not is_found(b"SEFH".ljust(11, b"\0") + struct.pack("<I4s", 11, b"SEFT"))
