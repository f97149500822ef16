"""A ZIP archive is accepted when every reader would find the same plain files in it."""

from __future__ import annotations

import io
import struct
import unicodedata
import zipfile
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import catalogue
from security.structure import zip_archive
from security.structure.ole import SIGNATURE
from security.structure.zip_archive import inspect_zip
from tests import samples
from tests.files.archives import Member, deflate, nested, pack, streamed
from tests.security.structure.variations import find_changes, samples_of
from tests.security.structure.verdicts import zip_verdict

HELLO = Member(b"a.txt", b"hello")
NAMES = st.lists(
    st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8),
    unique_by=lambda name: unicodedata.normalize(
        "NFC", unicodedata.normalize("NFC", name).casefold()
    ),
    max_size=6,
)


class Pipe(io.RawIOBase):
    """What zipfile streams into: it cannot go back to write sizes."""

    def __init__(self) -> None:
        self.content = b""

    def writable(self) -> bool:
        return True

    def write(self, content: bytes, /) -> int:  # type: ignore[override]  # only what zipfile calls
        self.content += bytes(content)
        return len(content)


def written(
    contents: dict[str, bytes], *, is_streamed: bool = False, is_zip64: bool = False
) -> bytes:
    """An archive as Python's zipfile writes it."""
    pipe, memory = Pipe(), io.BytesIO()
    with zipfile.ZipFile(pipe if is_streamed else memory, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in contents.items():
            with packed.open(name, "w", force_zip64=is_zip64) as entry:
                entry.write(content)
    return pipe.content if is_streamed else memory.getvalue()


# --- what programs write --------------------------------------------------------------


# How what is looked into, or cannot be, begins; the property is about everything else.
MARKS = (
    *(b"PK", b"\x1f\x8b", b"\xd0\xcf\x11\xe0", b"%PDF-", b"7z\xbc\xaf", b"Rar!", b"\xfd7zXZ"),
    *(b"\x28\xb5\x2f\xfd", b"MSCF", b"ustar", b"CD001", b"BZh"),
)


@pytest.mark.property
@given(
    names=NAMES,
    content=st.binary(max_size=2000).filter(
        lambda content: not any(mark in content for mark in MARKS)
    ),
    is_streamed=st.booleans(),
    is_zip64=st.booleans(),
)
def test_whatever_zipfile_writes_is_accepted(
    names: list[str], content: bytes, is_streamed: bool, is_zip64: bool
) -> None:
    contents = {f"{name}.x": content[number:] for number, name in enumerate(names)}

    archive = written(contents, is_streamed=is_streamed, is_zip64=is_zip64 and is_streamed)

    assert zip_verdict(archive) == "accepted"


def test_zip64_sizes_that_nobody_needs_are_refused() -> None:
    assert zip_verdict(written({"a.txt": b"hello"}, is_zip64=True)) == "ambiguous_content"


@pytest.mark.parametrize(
    "before", [b"MZ", b"#!/usr/bin/env python3\n", bytes(200_000), SIGNATURE + bytes(504)]
)
@pytest.mark.parametrize("behind", [0, 65_535, 128 * 1024 - 22])
def test_an_archive_behind_something_else_in_an_archive_is_refused(
    before: bytes, behind: int
) -> None:
    inner = before + pack(streamed(b"a.txt", b"hello")) + bytes(behind)

    assert zip_verdict(pack(Member(b"a.bin", inner))) == "archive_limits_exceeded"


def test_what_no_reader_takes_for_an_archive_in_an_archive_is_accepted() -> None:
    early = b"MZ" + pack(HELLO) + bytes(128 * 1024)
    mark = b"MZ" + b"PK\5\6" + bytes(100)

    assert zip_verdict(pack(Member(b"a.bin", early), Member(b"b.bin", mark))) == "accepted"


@pytest.mark.parametrize("method", [0, 8])
def test_a_pdf_begins_in_an_archive_only_as_a_member_of_it(method: int) -> None:
    member = Member(b"a.pdf", samples.pdf(), method=method)

    assert zip_verdict(pack(member)) == "accepted"
    assert zip_verdict(pack(Member(b"b.txt", b"hello"), member)) == "accepted"


@pytest.mark.parametrize(
    "archive",
    [
        pack(Member(b"%PDF-1.7", b"hello")),
        pack(Member(b"a.txt", b" " + samples.pdf(), method=0)),
        pack(Member(b"a.txt", b"hello", local_extra=b"\xfe\xca\x08\0%PDF-1.7")),
        pack(Member(b"a.txt", samples.pdf(), payload=samples.pdf())),
    ],
    ids=["in a name", "in a member", "in an extra field", "in a stream"],
)
def test_a_pdf_that_begins_elsewhere_in_an_archive_is_refused(archive: bytes) -> None:
    assert zip_verdict(archive) == "ambiguous_content"


def test_an_empty_archive_is_an_archive() -> None:
    assert zip_verdict(samples.archive({})) == "accepted"


def test_folders_comments_and_stored_members_are_accepted() -> None:
    folder = Member(b"folder/", method=0, attributes=0o40755 << 16 | 0x10)
    stored = Member(b"folder/b.txt", b"plain", method=0, attributes=0o100644 << 16)

    assert zip_verdict(pack(folder, stored, comment=b"0123456789abcdef" * 4)) == "accepted"


@pytest.mark.parametrize("form", ["<4s3L", "<3L", "<4sLQQ", "<LQQ"])
def test_every_form_of_data_descriptor_is_accepted(form: str) -> None:
    assert zip_verdict(pack(streamed(b"a", b"first", form), streamed(b"b", b"", form))) == (
        "accepted"
    )


def test_macos_tells_the_size_before_the_content_and_the_rest_after() -> None:
    entry = streamed(b"a.txt", b"hello")
    entry.local_sizes = (0, 0, 5)

    assert zip_verdict(pack(entry)) == "accepted"


def test_a_zip64_end_record_is_read() -> None:
    assert zip_verdict(pack(HELLO, Member(b"b"), is_zip64=True)) == "accepted"


def test_zeros_up_to_a_page_may_align_the_entries() -> None:
    entries = [Member(b"%d" % number, b"x") for number in range(3)]

    assert zip_verdict(pack(*entries, between=bytes(4096))) == "accepted"
    assert zip_verdict(pack(*entries, between=bytes(4097))) == "ambiguous_content"
    assert zip_verdict(pack(*entries, between=b"\0\0\1\0")) == "ambiguous_content"


def test_standard_input_may_be_a_pipe_as_info_zip_marks_it() -> None:
    assert zip_verdict(pack(Member(b"-", b"dump", attributes=0o010600 << 16))) == "accepted"


def test_a_mode_of_all_ones_is_no_mode() -> None:
    assert zip_verdict(pack(Member(b"META-INF/", attributes=0xFFFF0010))) == "accepted"


# --- what cannot be read --------------------------------------------------------------


@pytest.mark.parametrize(("method", "name"), [(9, "deflate64"), (12, "bzip2"), (14, "lzma")])
def test_a_compression_nobody_here_undoes_is_refused(method: int, name: str) -> None:
    entry = Member(name.encode(), b"hello", method=method)

    assert zip_verdict(pack(entry)) == "archive_limits_exceeded"
    assert zip_verdict(pack(Member(b"a", b"hello", flags=1 << 5))) == "archive_limits_exceeded"


@pytest.mark.parametrize(
    "entry",
    [
        Member(b"a", b"hello", flags=1),
        Member(b"a", b"hello", flags=1 << 6),
        Member(b"a", b"hello", flags=1 << 13),
        Member(b"a", b"hello", method=99),
        Member(b"a", b"hello", extra=struct.pack("<HH7s", 0x9901, 7, b"\2\0AE\3\x08\0")),
        Member(b"a", b"hello", extra=struct.pack("<HH", 0x0017, 0)),
    ],
    ids=["traditional", "strong", "masked", "aes", "aes-field", "strong-field"],
)
def test_an_encrypted_entry_is_refused(entry: Member) -> None:
    assert zip_verdict(pack(HELLO, entry)) == "encrypted_content"


@pytest.mark.parametrize("cut", [1, 10, 21, 22, 30, 60])
def test_an_archive_that_is_cut_short_is_refused(cut: int) -> None:
    assert zip_verdict(pack(HELLO)[:-cut]) == "corrupt_content"


@pytest.mark.parametrize("start", [b"", b"PK\5\6", b"PK\3\4", b"PK\5\6" + bytes(17)])
def test_a_bare_signature_is_no_archive(start: bytes) -> None:
    assert zip_verdict(start) == "corrupt_content"


def test_content_with_another_crc_is_refused() -> None:
    assert zip_verdict(pack(Member(b"a", b"hello", crc=1))) == "corrupt_content"


@pytest.mark.parametrize("content", [b"", b"hello", bytes(300_000), bytes(262_144)])
@pytest.mark.parametrize("hidden", [b"h", b"hidden" * 100, bytes(100_000)])
def test_bytes_after_the_compressed_content_are_refused(content: bytes, hidden: bytes) -> None:
    entry = Member(b"a", content, payload=deflate(content) + hidden)

    assert zip_verdict(pack(entry)) == "corrupt_content"
    assert zip_verdict(pack(Member(b"a", content))) == "accepted"


@pytest.mark.parametrize("place", [-22 + 4, -22 + 6, -42 + 4, -42 + 16, -98 + 16, -98 + 20])
def test_part_of_a_split_archive_is_refused(place: int) -> None:
    content = bytearray(pack(HELLO, is_zip64=True))
    content[place] += 1

    assert zip_verdict(bytes(content)) == "corrupt_content"


def test_an_archive_of_a_version_yet_to_come_is_refused() -> None:
    content = bytearray(pack(HELLO))
    content[content.index(b"PK\1\2") + 6] = 64

    assert zip_verdict(bytes(content)) == "corrupt_content"


# --- archives in archives -------------------------------------------------------------


def test_three_levels_are_looked_into_and_four_are_not() -> None:
    assert zip_verdict(nested(3)) == "accepted"
    assert zip_verdict(nested(4)) == "archive_limits_exceeded"


def test_a_nested_archive_is_known_by_its_content() -> None:
    assert zip_verdict(nested(4, name="holiday.jpg")) == "archive_limits_exceeded"
    encrypted = pack(Member(b"a", b"hello", flags=1))
    assert zip_verdict(nested(2, encrypted)) == "encrypted_content"


@pytest.mark.parametrize(
    "content",
    [
        b"7z\xbc\xaf\x27\x1c" + bytes(30),
        b"Rar!\x1a\x07\1\0",
        b"\xfd7zXZ\0" + bytes(30),
        b"\x28\xb5\x2f\xfd" + bytes(30),
        b"MSCF\0\0\0\0" + bytes(30),
        b"BZh91AY&SY" + bytes(30),
        b"name" + bytes(253) + b"ustar\x0000" + bytes(300),
        bytes(32769) + b"CD001" + bytes(300),
    ],
    ids=["7z", "rar", "xz", "zstd", "cab", "bz2", "tar", "iso"],
)
def test_an_archive_of_another_kind_cannot_be_looked_into(content: bytes) -> None:
    assert zip_verdict(pack(HELLO, Member(b"b", content))) == "archive_limits_exceeded"


@pytest.mark.parametrize("content", [b"BZh is how some names begin", b"only1AY&SY is here"])
def test_half_a_signature_is_none(content: bytes) -> None:
    assert zip_verdict(pack(HELLO, Member(b"b", content))) == "accepted"


@pytest.mark.property
@given(pieces=st.lists(st.binary(min_size=1, max_size=9), max_size=12), most=st.integers(1, 30))
def test_the_head_is_as_long_as_it_must_be_and_nothing_is_lost(
    pieces: list[bytes], most: int
) -> None:
    with mock.patch.object(zip_archive, "HEAD_BYTES", most):
        head, again = zip_archive._split_head(pieces)

    whole = b"".join(pieces)
    assert whole.startswith(head)
    assert len(head) >= min(most, len(whole))
    assert len(head) < most + 9
    assert b"".join(again) == whole


def test_a_large_nested_archive_waits_in_a_file_without_a_name(storage: Path) -> None:
    inner = pack(Member(b"a", bytes(range(256)) * 4000, method=0))
    content = pack(Member(b"inner.zip", inner, method=0))

    assert zip_verdict(content) == "accepted"

    assert list((storage / "staging").iterdir()) == []


def test_a_broken_staging_area_is_no_fault_of_the_archive(storage: Path) -> None:
    inner = pack(Member(b"a", bytes(300_000), method=0))
    (storage / "staging").rmdir()

    with pytest.raises(OSError, match="staging"):
        zip_verdict(pack(Member(b"inner.zip", inner, method=0)))


def test_a_refusal_names_the_limits(settings: Any) -> None:
    settings.MAX_UPLOAD_BYTES = 1000

    with pytest.raises(catalogue.ArchiveLimitsExceeded) as refused:
        inspect_zip(io.BytesIO(nested(4)), len(nested(4)))

    assert (refused.value.max_depth, refused.value.max_unpacked_bytes) == (3, 4000)


@samples_of("application/zip")
def test_no_variation_of_a_file_is_judged_otherwise_unnoticed(name: str) -> None:
    assert find_changes(name) == []
