"""What unpacking takes from a budget, and that it gives back what was packed and nothing else."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import catalogue
from security.structure import zip_members
from security.structure.limits import MAX_DEPTH, MAX_ENTRIES, MAX_RATIO, RATIO_COUNTS_FROM_BYTES
from security.structure.zip_directory import FLAG_PATCH, Entry
from security.structure.zip_members import (
    DEFLATED,
    GZIP,
    RAW_DEFLATE,
    STORED,
    Budget,
    check_member_size,
    inflate,
    unpack_member,
)

pytestmark = pytest.mark.property
contents = st.binary(max_size=300) | st.integers(0, 3000).map(bytes)


def is_refused(take: Callable[[], Any]) -> bool:
    """True when the budget has not so much."""
    try:
        take()
    except catalogue.ArchiveLimitsExceeded:
        return True
    return False


def entry_of(content: bytes, packed: bytes, method: int, **told: Any) -> Entry:
    """What a directory says of it, or lies."""
    said: dict[str, Any] = {
        "raw_name": b"a",
        "flags": 0,
        "method": method,
        "crc": zlib.crc32(content),
        "packed_bytes": len(packed),
        "unpacked_bytes": len(content),
        "header_offset": 0,
        "unix_mode": 0,
        "content_offset": 7,
    }
    return Entry(**(said | told))


def deflated(content: bytes, window_bits: int = RAW_DEFLATE) -> bytes:
    """As zlib packs it."""
    packer = zlib.compressobj(wbits=window_bits)
    return packer.compress(content) + packer.flush()


def unpacked(packed: bytes, entry: Entry) -> bytes:
    """What comes out of an archive that has something before and after it."""
    return b"".join(unpack_member(io.BytesIO(b"before!" + packed + b"after"), entry))


@given(taken=st.lists(st.integers(0, 40), max_size=60))
def test_elements_count_one_and_one_more_for_every_eight_attributes(taken: list[int]) -> None:
    budget, count = Budget(1), 0
    with mock.patch.object(zip_members, "MAX_ELEMENTS", 20):
        for attributes in taken:
            count += 1 + attributes // 8
            refused = is_refused(lambda: budget.take_element(attributes))  # noqa: B023
            assert refused == (count > 20)


def test_entries_of_all_levels_are_counted_up_to_the_limit() -> None:
    budget = Budget(1)

    assert not is_refused(lambda: budget.take_entries(MAX_ENTRIES - 1))
    assert not is_refused(lambda: budget.take_entries(1))
    assert is_refused(lambda: budget.take_entries(1))


def test_levels_are_counted_while_they_last() -> None:
    budget = Budget(1)

    def go_down(levels: int) -> None:
        if levels:
            with budget.one_level_deeper():
                go_down(levels - 1)

    for _ in range(2):
        assert not is_refused(lambda: go_down(MAX_DEPTH))
        assert budget.depth == 0
    assert is_refused(lambda: go_down(MAX_DEPTH + 1))


@given(upload_bytes=st.integers(1, 10**7), taken=st.lists(st.integers(0, 10**9), max_size=6))
def test_bytes_are_taken_up_to_the_limit_and_the_ratio(upload_bytes: int, taken: list[int]) -> None:
    budget, count, most = Budget(upload_bytes), 0, 5 * 10**8
    with mock.patch.object(zip_members, "max_unpacked_bytes", return_value=most):
        for number in taken:
            count += number
            allowed = min(most, max(RATIO_COUNTS_FROM_BYTES, MAX_RATIO * upload_bytes))
            assert is_refused(lambda: budget.take_bytes(number)) == (count > allowed)  # noqa: B023


@given(sizes=st.lists(st.integers(0, 30), max_size=5))
def test_what_a_directory_announces_is_taken_member_by_member(sizes: list[int]) -> None:
    budget = Budget(1)
    entries = [entry_of(b"", b"", STORED, unpacked_bytes=size) for size in sizes]

    with mock.patch.object(zip_members, "max_member_bytes", return_value=20):
        assert is_refused(lambda: budget.take_members(entries)) == any(size > 20 for size in sizes)
        assert is_refused(lambda: check_member_size(20)) is False
    if max(sizes, default=0) <= 20:
        assert budget.unpacked_bytes == sum(sizes)


@given(content=contents, pieces=st.integers(1, 40))
def test_a_member_comes_out_as_it_was_packed(content: bytes, pieces: int) -> None:
    packed = deflated(content)

    with (
        mock.patch.object(zip_members, "READ_BYTES", pieces),
        mock.patch.object(zip_members, "PIECE_BYTES", pieces),
    ):
        assert unpacked(packed, entry_of(content, packed, DEFLATED)) == content
        assert unpacked(content, entry_of(content, content, STORED)) == content


@given(content=contents, pieces=st.integers(1, 40), kind=st.sampled_from([RAW_DEFLATE, GZIP]))
def test_a_stream_ends_where_its_bytes_end(content: bytes, pieces: int, kind: int) -> None:
    packed = deflated(content, kind)

    def inflated(written: bytes) -> bytes:
        cut = [written[at : at + pieces] for at in range(0, len(written), pieces)]
        with mock.patch.object(zip_members, "PIECE_BYTES", pieces):
            return b"".join(inflate(cut, kind))

    assert inflated(packed) == content
    for wrong in (packed + b"x", packed[:-1], b"", b"\xff" + packed):
        with pytest.raises(catalogue.CorruptContent):
            inflated(wrong)


@pytest.mark.parametrize(
    ("method", "told"),
    [
        (DEFLATED, {"crc": 1}),
        (DEFLATED, {"unpacked_bytes": 4}),
        (DEFLATED, {"unpacked_bytes": 6}),
        (STORED, {"unpacked_bytes": 4}),
        (STORED, {"unpacked_bytes": 6}),
        (STORED, {"crc": 1}),
    ],
)
def test_a_member_that_is_not_what_was_announced_is_corrupt(
    method: int, told: dict[str, int]
) -> None:
    packed = deflated(b"hello") if method else b"hello"

    with pytest.raises(catalogue.CorruptContent):
        unpacked(packed, entry_of(b"hello", packed, method, **told))


@pytest.mark.parametrize(
    ("method", "flags"),
    [*((method, 0) for method in (1, 6, 7, 9, 12, 14, 93, 98)), (STORED, FLAG_PATCH)],
)
def test_what_nobody_here_can_unpack_is_refused(method: int, flags: int) -> None:
    with pytest.raises(catalogue.ArchiveLimitsExceeded):
        unpacked(b"hello", entry_of(b"hello", b"hello", method, flags=flags))
