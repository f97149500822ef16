"""An Ogg of more pages than are walked, or of pages as long as they can be, is judged alike."""

from __future__ import annotations

import io
import struct
from typing import Any

import pytest

from security.structure import ogg as ogg_gate
from security.structure.ogg import inspect_ogg
from tests.security.structure.verdicts import verdict_of

FIRST = b"OpusHead\x01\x01\0\0\x40\x1f\0\0\0\0\0"
FULL = b"x" * 255 * 255


def page(content: bytes, flags: int = 0) -> bytes:
    """One page; of its content only the length is told."""
    whole, rest = divmod(len(content), 255)
    lengths = (b"\xff" * whole + bytes([rest]))[:255]
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, 0, 1, 0, 0, len(lengths))
    return head + lengths + content


START = page(FIRST, flags=2)


def verdict(content: bytes) -> str:
    return verdict_of(inspect_ogg, content)


def test_a_page_may_be_as_long_as_its_table_can_tell() -> None:
    assert len(page(FULL)) == ogg_gate.MAX_PAGE_BYTES
    assert verdict(START + page(FULL)) == "accepted"
    assert verdict(START + page(FULL)[:-1]) == "corrupt_content"


def test_no_more_pages_are_walked_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ogg_gate, "MAX_PAGES", 300)
    end = page(b"y") + page(b"z")

    assert verdict(START + page(b"x") * 299 + b"unseen" + end) == "accepted"
    assert verdict(START + page(b"x") * 305 + b"unseen" + end) == "accepted"
    assert verdict(START + page(b"x") * 298 + b"unseen" + end) == "ambiguous_content"


@pytest.mark.parametrize(
    "content",
    [b"y", FULL, b"OggS\x01", b"OggS".ljust(26, b"\0") + b"\xff" * 256],
    ids=["short", "full", "a mark", "a page that would end behind the file"],
)
@pytest.mark.parametrize("padding", [0, 50])
def test_the_one_page_behind_those_that_are_walked_is_found(
    content: bytes, padding: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ogg_gate, "MAX_PAGES", 10)
    walked = START + page(b"x") * 9

    assert verdict(walked + page(content) + bytes(padding)) == "accepted"
    assert verdict(walked + page(FULL) * 3 + page(content) + bytes(padding)) == "accepted"


def test_of_each_page_only_its_head_is_read() -> None:
    read: list[int] = []

    class Counting(io.BytesIO):
        def read(self, size: Any = -1, /) -> bytes:
            content = super().read(size)
            read.append(len(content))
            return content

    content = START + page(FULL) * 30
    inspect_ogg(Counting(content), len(content))

    assert sum(read) < 31 * 300 + 130 * 1024  # and the end, for another format
