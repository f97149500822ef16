"""The directory of a ZIP against records that are written here, field by field (APPNOTE 6.3)."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import catalogue
from security.structure import zip_directory
from security.structure.zip_directory import (
    Directory,
    Entry,
    find_directory,
    read_entries,
    read_extra_fields,
)

FULL_16, FULL_32 = 0xFFFF, 0xFFFFFFFF
ENCRYPTED_FLAGS = (0, 6, 13)
numbers_32 = st.integers(0, FULL_32 - 1)
fields = st.dictionaries(
    st.integers(2, FULL_16).filter(lambda kind: kind not in (0x0017, 0x7075, 0x9901)),
    st.binary(max_size=9),
    max_size=3,
)
pytestmark = pytest.mark.property


@dataclass(frozen=True)
class Written:
    """What a record says; a wide number stands in its ZIP64 field."""

    name: bytes = b"a.txt"
    flags: int = 0
    method: int = 8
    version: int = 20
    crc: int = 1
    packed: int = 2
    unpacked: int = 3
    offset: int = 4
    disk: int = 0
    mode: int = 0o100644
    comment: bytes = b""

    def record(self, more: bytes = b"", wide: tuple[str, ...] = (), lack: int = 0) -> bytes:
        """Its bytes, with those extra fields before the ZIP64 field, which lacks so many bytes."""
        large = b"".join(
            struct.pack("<L" if name == "disk" else "<Q", getattr(self, name))
            for name in ("unpacked", "packed", "offset", "disk")
            if name in wide
        )
        extra = more + (field(1, large[: max(0, len(large) - lack)]) if wide else b"")
        told = {name: FULL_32 if name in wide else getattr(self, name) for name in SIZES}
        disk = FULL_16 if "disk" in wide else self.disk
        head = struct.pack(
            "<4s6H3L5H2L",
            *(b"PK\1\2", 0, self.version, self.flags, self.method, 0, 0, self.crc),
            *(told["packed"], told["unpacked"]),
            *(len(self.name), len(extra), len(self.comment), disk, 0, self.mode << 16),
            told["offset"],
        )
        return head + self.name + extra + self.comment


SIZES = ("packed", "unpacked", "offset")


def field(kind: int, content: bytes) -> bytes:
    """An extra field."""
    return struct.pack("<HH", kind, len(content)) + content


def end(
    directory: bytes, entries: int, comment: bytes = b"", disks: tuple[int, int] = (0, 0)
) -> bytes:
    """An archive that is nothing but its directory, from its first byte on."""
    told = (b"PK\5\6", *disks, entries, entries, len(directory), 0, len(comment))
    return directory + struct.pack("<4s4H2LH", *told) + comment


def read(*records: bytes) -> list[Entry]:
    """What is read of a directory of these records."""
    content = b"".join(records)
    return read_entries(io.BytesIO(content), Directory(0, len(content), len(records)))


def find(content: bytes) -> Directory:
    """Where the directory is found."""
    return find_directory(io.BytesIO(content), len(content))


@given(
    written=st.builds(
        Written,
        name=st.binary(max_size=12),
        flags=st.just(1 << 11),
        method=st.sampled_from([0, 8, 98, 100]),
        version=st.integers(0, 63),
        **dict.fromkeys(("crc", *SIZES), numbers_32),
        mode=st.integers(0, FULL_16),
        comment=st.binary(max_size=9),
    ),
    more=fields,
    unicode_path=st.none() | st.binary(max_size=9),
)
def test_every_field_of_a_record_is_read_as_it_was_written(
    written: Written, more: dict[int, bytes], unicode_path: bytes | None
) -> None:
    extra = b"".join(field(kind, content) for kind, content in more.items())
    if unicode_path is not None:
        extra += field(0x7075, unicode_path)

    first, second = read(written.record(extra), Written(b"next").record())

    told = (written.name, written.flags, written.method, written.crc)
    sizes = (written.packed, written.unpacked, written.offset)
    assert first == Entry(*told, *sizes, written.mode, unicode_path, content_offset=0)
    assert second.raw_name == b"next"


@given(wide=st.sets(st.sampled_from([*SIZES, "disk"]), min_size=1), lack=st.integers(0, 28))
def test_a_number_that_stands_in_a_zip64_field_is_ambiguous(wide: set[str], lack: int) -> None:
    with pytest.raises(catalogue.AmbiguousContent):
        read(Written().record(b"", tuple(wide), lack))


@pytest.mark.parametrize("bit", range(16))
def test_of_the_flags_three_say_encrypted(bit: int) -> None:
    record = Written(flags=1 << bit).record()

    if bit in ENCRYPTED_FLAGS:
        with pytest.raises(catalogue.EncryptedContent):
            read(record)
    else:
        assert read(record)[0].flags == 1 << bit


@given(method=st.integers(0, FULL_16))
def test_of_the_methods_one_says_encrypted(method: int) -> None:
    record = Written(method=method).record()

    if method == 99:
        with pytest.raises(catalogue.EncryptedContent):
            read(record)
    else:
        assert read(record)[0].method == method


@pytest.mark.parametrize("kind", [0x0017, 0x9901])
def test_of_the_extra_fields_two_say_encrypted(kind: int) -> None:
    with pytest.raises(catalogue.EncryptedContent):
        read(Written().record(field(5, b"x") + field(kind, b"")))


@pytest.mark.parametrize(
    "wrong",
    [
        Written(version=64).record(),
        Written(disk=1).record(),
        Written().record()[:-1],
        b"PK\1\3" + Written().record()[4:],
        Written().record()[:45],
    ],
)
def test_a_record_that_is_none_is_corrupt(wrong: bytes) -> None:
    with pytest.raises(catalogue.CorruptContent):
        read(wrong)


def test_a_directory_of_exactly_its_limit_is_read() -> None:
    record = Written().record()

    with mock.patch.object(zip_directory, "MAX_DIRECTORY_BYTES", len(record)):
        assert len(read(record)) == 1
    with (
        mock.patch.object(zip_directory, "MAX_DIRECTORY_BYTES", len(record) - 1),
        pytest.raises(catalogue.ArchiveLimitsExceeded),
    ):
        read(record)


@given(told=fields, padding=st.binary(max_size=3))
def test_extra_fields_are_told_by_their_ids_and_padding_is_none(
    told: dict[int, bytes], padding: bytes
) -> None:
    content = b"".join(field(kind, payload) for kind, payload in told.items())

    assert read_extra_fields(memoryview(content + padding)) == told


@given(told=fields, short=st.integers(1, 8))
def test_an_extra_field_that_leaves_its_record_is_corrupt(
    told: dict[int, bytes], short: int
) -> None:
    content = b"".join(field(kind, payload) for kind, payload in told.items())

    with pytest.raises(catalogue.CorruptContent):
        read_extra_fields(memoryview(content + field(7, bytes(8))[:-short]))


@given(told=fields, kind=st.sampled_from([0x0001, 0x7075]), content=st.binary(max_size=30))
def test_what_places_or_names_an_entry_stands_in_it_once(
    told: dict[int, bytes], kind: int, content: bytes
) -> None:
    between = b"".join(field(*pair) for pair in told.items())
    once = field(kind, content) + between

    assert read_extra_fields(memoryview(once))[kind] == content
    with pytest.raises(catalogue.AmbiguousContent):
        read_extra_fields(memoryview(once + field(kind, content)))


@given(kind=st.integers(0, FULL_16).filter(lambda kind: kind not in (0x0001, 0x7075)))
def test_another_extra_field_may_stand_in_it_twice(kind: int) -> None:
    # Tools that align entries fill them up with empty fields of the id 0.
    assert read_extra_fields(memoryview(field(kind, b"a") + field(kind, b"b"))) == {kind: b"b"}


@given(before=st.integers(0, 3), comment=st.binary(max_size=1024).filter(lambda c: b"PK" not in c))
def test_the_directory_is_found_before_a_comment_of_any_length(before: int, comment: bytes) -> None:
    records = Written().record() * before

    assert find(end(records, before, comment)) == Directory(0, len(records), before)


def test_a_comment_of_more_than_a_kilobyte_is_ambiguous() -> None:
    find(end(b"", 0, b"c" * 1024))
    with pytest.raises(catalogue.AmbiguousContent):
        find(end(b"", 0, b"c" * 1025))


@pytest.mark.parametrize("wrong", [1, 0xFFFE, 0x8000])
def test_an_archive_of_several_parts_is_corrupt(wrong: int) -> None:
    for disks in ((0, 0), (FULL_16, 0), (0, FULL_16), (FULL_16, FULL_16)):
        assert find(end(b"", 0, disks=disks)) == Directory(0, 0, 0)
    for disks in ((wrong, 0), (0, wrong)):
        with pytest.raises(catalogue.CorruptContent):
            find(end(b"", 0, disks=disks))


@given(entries=st.integers(1, 60))
def test_a_directory_with_no_room_for_its_entries_is_corrupt(entries: int) -> None:
    room = zip_directory.RECORD.size * entries

    assert find(end(bytes(room), entries)).entries == entries
    with pytest.raises(catalogue.CorruptContent):
        find(end(bytes(room - 1), entries))
