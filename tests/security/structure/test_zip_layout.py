"""What two readers of an archive could see differently is refused."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from dataclasses import replace
from itertools import compress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security.structure.zip_layout import widen
from tests import samples
from tests.files.archives import Member, close_archive, nested, pack, placed_twice, streamed
from tests.security.structure.verdicts import zip_verdict

HELLO = Member(b"a.txt", b"hello")
LONG = Member(b"a" * 60, b"hello")
ARCHIVE = pack(HELLO, Member(b"b.txt", b"world"))


def path_field(name: bytes) -> bytes:
    """The other name of `b.txt` that newer readers take instead (APPNOTE 4.6.9)."""
    told = b"\1" + zlib.crc32(b"b.txt").to_bytes(4, "little") + name
    return struct.pack("<HH", 0x7075, len(told)) + told


UNICODE_PATH = path_field(b"b.txt")
PLACED = Member(b"b.txt", b"hello").placed(0)


def with_local(**lies: object) -> bytes:
    """An archive whose second local header says something else than the directory."""
    return pack(HELLO, Member(b"b.txt", b"hello", **lies))  # type: ignore[arg-type]  # options of several types


def with_changed_end(offset: int, change: bytes) -> bytes:
    """The archive with some bytes of its end record replaced."""
    content = bytearray(ARCHIVE)
    start = len(content) - 22 + offset
    content[start : start + len(change)] = change
    return bytes(content)


@pytest.mark.parametrize("prefix", [samples.image("PNG"), samples.image("GIF"), b"#!/bin/sh\n"])
def test_an_archive_behind_something_else_is_refused(prefix: bytes) -> None:
    body, records = prefix + HELLO.local(), HELLO.record(len(prefix))
    adjusted = close_archive(body, records, len(records), 1)

    assert zip_verdict(adjusted) == "ambiguous_content"
    assert zip_verdict(prefix + ARCHIVE) == "ambiguous_content"


def test_zeros_before_the_first_entry_are_refused() -> None:
    body, records = bytes(16) + HELLO.local(), HELLO.record(16)

    assert zip_verdict(close_archive(body, records, len(records), 1)) == "ambiguous_content"


@pytest.mark.parametrize("suffix", [b"\0", b"<?php", samples.pdf(), bytes(60_000)])
def test_anything_after_the_end_is_refused(suffix: bytes) -> None:
    assert zip_verdict(ARCHIVE + suffix) == "ambiguous_content"


def test_an_archive_after_the_archive_is_refused() -> None:
    assert zip_verdict(ARCHIVE + ARCHIVE) == "ambiguous_content"


def test_a_comment_is_short() -> None:
    assert zip_verdict(pack(HELLO, comment=b"x" * 1024)) == "accepted"
    assert zip_verdict(pack(HELLO, comment=b"x" * 1025)) == "ambiguous_content"


def test_a_second_end_record_in_the_comment_is_refused() -> None:
    assert zip_verdict(pack(HELLO, comment=samples.archive({}))) == "ambiguous_content"


def test_bytes_between_directory_and_end_record_are_refused() -> None:
    assert zip_verdict(pack(HELLO, before_end=b"hidden")) == "ambiguous_content"


@pytest.mark.parametrize("gap", [b"hidden", HELLO.local(), b"\0" * 8 + b"x"])
def test_bytes_between_the_entries_are_refused(gap: bytes) -> None:
    assert zip_verdict(pack(HELLO, Member(b"b"), between=gap)) == "ambiguous_content"


def test_an_entry_the_directory_does_not_list_is_refused() -> None:
    body = HELLO.local() + Member(b"hidden.exe", b"MZ").local()
    records = HELLO.record(0)

    assert zip_verdict(close_archive(body, records, len(records), 1)) == "ambiguous_content"


@pytest.mark.parametrize(
    "archive",
    [
        with_local(local_name=b"b.exe"),
        with_local(local_method=0),
        with_local(local_flags=1 << 11),
        with_local(local_flags=1),
        with_local(local_sizes=(1, 7, 5)),
        with_local(local_sizes=(0, 0, 0)),
    ],
    ids=["name", "method", "utf8", "encryption", "crc", "sizes"],
)
def test_a_local_header_that_says_something_else_is_refused(archive: bytes) -> None:
    assert zip_verdict(archive) == "ambiguous_content"


def test_a_descriptor_that_says_something_else_is_refused() -> None:
    entry = streamed(b"b.txt", b"hello")
    entry.descriptor = bytes(16)

    assert zip_verdict(pack(entry)) == "corrupt_content"


def test_an_entry_that_begins_elsewhere_is_refused() -> None:
    assert zip_verdict(pack(HELLO, Member(b"b", offset=3))) == "archive_limits_exceeded"
    assert zip_verdict(pack(Member(b"a", method=0, offset=1))) == "ambiguous_content"
    assert zip_verdict(pack(HELLO, Member(b"b", offset=2**31))) == "ambiguous_content"


def test_an_entry_that_is_placed_twice_is_refused() -> None:
    archive = placed_twice(
        shown=Member(b"b.txt", b"for the gate"), hidden=Member(b"b.txt", b"for everybody else")
    )
    with zipfile.ZipFile(io.BytesIO(archive)) as others:
        [carrier, placed] = others.infolist()

    assert carrier.header_offset < placed.header_offset < carrier.compress_size + 30 + 11
    assert zip_verdict(archive) == "ambiguous_content"


@pytest.mark.parametrize("extra", [PLACED, UNICODE_PATH])
def test_a_local_header_that_says_a_thing_twice_is_refused(extra: bytes) -> None:
    assert zip_verdict(with_local(local_extra=extra)) == "accepted"
    assert zip_verdict(with_local(local_extra=extra * 2)) == "ambiguous_content"


def test_a_newer_name_is_the_same_in_both_places_or_in_one() -> None:
    other = path_field(b"c.txt")

    assert zip_verdict(with_local(extra=other)) == "accepted"
    assert zip_verdict(with_local(extra=other, local_extra=other)) == "accepted"
    assert zip_verdict(with_local(extra=other, local_extra=UNICODE_PATH)) == "accepted"
    assert zip_verdict(with_local(local_extra=other)) == "ambiguous_content"
    assert zip_verdict(with_local(extra=UNICODE_PATH, local_extra=other)) == "ambiguous_content"


def test_two_entries_of_one_content_are_an_overlap() -> None:
    body, twice = HELLO.local(), HELLO.record(0) + Member(b"b.txt", b"hello").record(0)

    assert zip_verdict(close_archive(body, twice, len(twice), 2)) == "archive_limits_exceeded"


def test_a_member_that_reaches_into_the_directory_is_an_overlap() -> None:
    entry = Member(b"a", b"hello", method=0, told_packed_bytes=40, told_bytes=40)

    assert zip_verdict(pack(entry)) == "archive_limits_exceeded"


@pytest.mark.parametrize(
    ("offset", "change", "code"),
    [
        (10, b"\3\0", "corrupt_content"),
        (8, b"\1\0\1\0", "corrupt_content"),
        (12, b"\xff\0\0\0", "ambiguous_content"),
        (16, b"\0\0\0\0", "ambiguous_content"),
        (20, b"\1\0", "corrupt_content"),
    ],
    ids=["other-count", "fewer", "size", "offset", "comment"],
)
def test_an_end_record_that_lies_is_refused(offset: int, change: bytes, code: str) -> None:
    assert zip_verdict(with_changed_end(offset, change)) == code


def test_end_records_that_disagree_are_refused() -> None:
    content = bytearray(pack(HELLO, is_zip64=True))
    content[-14:-10] = b"\2\0\2\0"

    assert zip_verdict(bytes(content)) == "ambiguous_content"


def test_a_zip64_end_record_that_stands_elsewhere_is_refused() -> None:
    content = bytearray(pack(HELLO, is_zip64=True))
    content[-22 - 12] ^= 1

    assert zip_verdict(bytes(content)) == "ambiguous_content"


def test_a_zip64_size_without_its_field_is_corrupt() -> None:
    member = streamed(b"a", b"hello")
    member.local_sizes = (0, FULL, FULL)

    assert zip_verdict(pack(member)) == "corrupt_content"


@pytest.mark.parametrize("wide", ["told_bytes", "told_packed_bytes", "offset"])
def test_a_number_in_a_zip64_field_of_the_directory_is_refused(wide: str) -> None:
    number = {"told_bytes": 5, "told_packed_bytes": len(LONG.packed()), "offset": 0}[wide]
    member = replace(LONG, extra=struct.pack("<HHQ", 1, 8, number), local_sizes=LONG.sizes())
    setattr(member, wide, FULL)

    assert zip_verdict(pack(member)) == "ambiguous_content"


@pytest.mark.parametrize("is_streamed", [False, True])
def test_only_of_a_streamed_entry_the_local_sizes_may_be_wide(is_streamed: bool) -> None:
    member = streamed(b"a", b"hello") if is_streamed else Member(b"a", b"hello")
    crc, packed_bytes, whole_bytes = member.sizes()
    member.local_sizes = (crc, FULL, FULL)
    member.local_extra = struct.pack("<HH2Q", 1, 16, whole_bytes, packed_bytes)

    assert zip_verdict(pack(member)) == ("accepted" if is_streamed else "ambiguous_content")

    member.local_extra = struct.pack("<HH2Q", 1, 16, whole_bytes, packed_bytes + 1)
    assert zip_verdict(pack(member)) == "ambiguous_content"


def test_an_offset_in_a_zip64_end_record_is_refused() -> None:
    content = bytearray(pack(HELLO, is_zip64=True))
    content[-6:-2] = b"\xff" * 4

    assert zip_verdict(bytes(content)) == "ambiguous_content"


@pytest.mark.parametrize("bit", [0, 6, 11, 13])
def test_what_one_header_alone_calls_encrypted_masked_or_utf_8_is_refused(bit: int) -> None:
    assert zip_verdict(with_local(local_flags=1 << bit)) == "ambiguous_content"


FULL = 0xFFFFFFFF


@pytest.mark.property
@given(
    own=st.tuples(*[st.integers(0, FULL - 1)] * 2),
    large=st.tuples(*[st.integers(0, 2**64 - 1)] * 2),
    is_large=st.tuples(*[st.booleans()] * 2),
    more=st.binary(max_size=8),
)
def test_only_what_has_no_room_of_its_own_is_read_from_the_zip64_field(
    own: tuple[int, ...], large: tuple[int, ...], is_large: tuple[bool, ...], more: bytes
) -> None:
    told = tuple(FULL if wide else one for one, wide in zip(own, is_large, strict=True))
    field = b"".join(struct.pack("<Q", number) for number in compress(large, is_large)) + more

    expected = [many if wide else one for one, many, wide in zip(own, large, is_large, strict=True)]
    assert widen(told, field) == expected


def test_a_directory_of_something_else_is_refused() -> None:
    body = HELLO.local()

    assert zip_verdict(close_archive(body, bytes(60), 60, 1)) == "corrupt_content"


def test_what_is_wrong_inside_is_found_inside() -> None:
    assert zip_verdict(nested(2, ARCHIVE + b"x")) == "ambiguous_content"
    assert zip_verdict(nested(2, with_local(local_name=b"b.exe"))) == "ambiguous_content"


def with_record(start: int, change: bytes) -> bytes:
    """The archive with some bytes of its first directory record replaced."""
    content = bytearray(ARCHIVE)
    place = content.index(b"PK\1\2") + start
    content[place : place + len(change)] = change
    return bytes(content)


@pytest.mark.parametrize(
    "archive",
    [
        with_record(34, b"\1\0"),
        with_record(28, b"\xff\0"),
        with_record(32, b"\x50\0"),
        pack(Member(b"a", extra=b"\1\0\xff\0")),
        b"PK\3\5" + ARCHIVE[4:],
        close_archive(HELLO.local(), HELLO.record(0), len(HELLO.record(0)), 2),
        close_archive(LONG.local(), LONG.record(0), len(LONG.record(0)), 2),
    ],
    ids=["disk", "long-name", "long-comment", "extra", "signature", "more-entries", "cut-short"],
)
def test_a_record_that_cannot_be_read_is_refused(archive: bytes) -> None:
    assert zip_verdict(archive) == "corrupt_content"
