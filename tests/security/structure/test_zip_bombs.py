"""What unpacks to too much is refused early, in constant memory."""

from __future__ import annotations

import gzip
import struct
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests import samples
from tests.files.archives import (
    MIB,
    Member,
    close_archive,
    crowd,
    deflated_zeros,
    flat_bomb,
    gzipped_zeros,
    nested,
    pack,
    quoted_overlap,
)
from tests.security.structure.verdicts import zip_verdict

LIMITS = "archive_limits_exceeded"


@pytest.fixture
def measured() -> Iterator[None]:
    """At most 24 MiB and 10 seconds from here to the end of the test."""
    tracemalloc.start()
    started = time.monotonic()
    yield
    took, (_, peak) = time.monotonic() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 24 * MIB
    assert took < 10


# The bomb itself is made before the measurement starts.
BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "flat": (flat_bomb, LIMITS),
    "flat-that-lies": (lambda: flat_bomb(told_bytes=100), "corrupt_content"),
    "flat-just-inside-the-ratio": (lambda: flat_bomb(told_bytes=20 * MIB), "corrupt_content"),
    "flat-in-an-archive": (lambda: nested(2, flat_bomb(200)), LIMITS),
    "flat-in-gzip": (lambda: pack(Member(b"a.gz", gzipped_zeros(1024), method=0)), LIMITS),
    "nested-21-deep": (lambda: nested(21), LIMITS),
    "many-of-one-mebibyte": (lambda: pack(*_many_zeros(200)), LIMITS),
    "overlap": (quoted_overlap, LIMITS),
    "crowd": (lambda: crowd(100_000), LIMITS),
    "crowd-that-tells-five": (lambda: _crowd_that_tells(5), LIMITS),
    "crowd-in-archives": (lambda: pack(*(_crowded(number) for number in range(4))), LIMITS),
    "empty-blocks": (lambda: _empty_blocks(), "corrupt_content"),
}


def _many_zeros(count: int) -> Iterator[Member]:
    packed = deflated_zeros(1)
    for number in range(count):
        yield Member(b"%d" % number, bytes(MIB), payload=packed)


def _crowd_that_tells(entries: int) -> bytes:
    records = Member(b"a").record(0) * 100_000
    return close_archive(Member(b"a").local(), records, len(records), entries)


def _crowded(number: int) -> Member:
    return Member(b"%d.zip" % number, crowd(3000))


def _empty_blocks() -> bytes:
    """20 MiB of deflate blocks that unpack to nothing."""
    return pack(Member(b"a", payload=struct.pack("<BHH", 0, 0, 0xFFFF) * 4 * MIB, told_bytes=1))


@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_is_refused_in_constant_memory(kind: str, request: pytest.FixtureRequest) -> None:
    make, code = BOMBS[kind]
    bomb = make()
    request.getfixturevalue("measured")

    assert zip_verdict(bomb) == code


@pytest.mark.parametrize("told_bytes", [0, 1, 4, 6, 100, 2**32 - 2])
def test_a_member_that_lies_about_its_size_is_refused(told_bytes: int) -> None:
    told = pack(Member(b"a", b"hello", told_bytes=told_bytes))

    assert zip_verdict(told) == (LIMITS if told_bytes > MIB else "corrupt_content")


def test_a_stored_member_has_one_size() -> None:
    entry = Member(b"a", b"hello", method=0, told_bytes=4)

    assert zip_verdict(pack(entry)) == "corrupt_content"


def test_a_member_the_scanner_would_read_in_part_is_refused(settings: Any) -> None:
    settings.MAX_UPLOAD_BYTES = 2000
    content = bytes(range(250)) * 8

    assert zip_verdict(pack(Member(b"a", content))) == "accepted"
    assert zip_verdict(pack(Member(b"a", content + b"x"))) == LIMITS
    assert zip_verdict(pack(Member(b"a.gz", gzip.compress(content + b"x")))) == LIMITS


def test_all_members_of_all_levels_count_together(settings: Any) -> None:
    settings.MAX_UPLOAD_BYTES = 2000
    parts = [Member(b"%d" % number, bytes(range(200)) * 9) for number in range(4)]

    assert zip_verdict(pack(*parts)) == "accepted"
    assert zip_verdict(pack(*parts, Member(b"4", bytes(800)))) == "accepted"
    assert zip_verdict(pack(*parts, Member(b"4", bytes(801)))) == LIMITS
    assert zip_verdict(pack(*parts[:3], Member(b"4.zip", pack(parts[3])))) == "accepted"
    assert zip_verdict(pack(*parts, Member(b"4.zip", pack(Member(b"5", bytes(700)))))) == LIMITS


def test_short_repetitive_content_is_no_bomb() -> None:
    assert zip_verdict(pack(Member(b"a", bytes(MIB)))) == "accepted"
    assert zip_verdict(pack(Member(b"a", bytes(MIB + 1)))) == LIMITS


def test_a_blank_picture_beside_other_content_is_no_bomb() -> None:
    other = Member(b"b", bytes(range(256)) * 500, method=0)

    assert zip_verdict(pack(Member(b"a", bytes(10 * MIB)), other)) == "accepted"


def test_as_many_entries_as_are_accepted_are_read() -> None:
    assert zip_verdict(crowd(10_000)) == "accepted"
    assert zip_verdict(crowd(10_001)) == LIMITS


def test_what_is_in_a_gzip_file_is_looked_into() -> None:
    for content, code in (
        (gzip.compress(b"hello" * 1000), "accepted"),
        (gzip.compress(b"x" * 257 + b"ustar" + bytes(200)), LIMITS),
        (gzip.compress(gzip.compress(b"hello")), "accepted"),
        (gzip.compress(gzip.compress(gzip.compress(b"hello"))), LIMITS),
        (gzip.compress(b"hello") + b"hidden", "corrupt_content"),
        (gzip.compress(b"hello")[:-1], "corrupt_content"),
        (gzip.compress(samples.archive({"../a": "x"})), "archive_unsafe_entry"),
    ):
        assert zip_verdict(pack(Member(b"a.gz", content))) == code
