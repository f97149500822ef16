"""A ZIP archive or a PDF inside another format is found, and chance is no archive."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from errors import catalogue
from security.structure.reading import check_ends
from security.structure.second_format import check_no_second_format, refuse_late_archive
from tests.security.structure.image_gates import ARCHIVE

END = b"PK\x05\x06"


def is_refused(content: bytes) -> bool:
    try:
        check_no_second_format(io.BytesIO(content), len(content))
    except catalogue.AmbiguousContent:
        return True
    return False


def pointing_to(place: int, length: int = 0) -> bytes:
    """The end of an archive that says so of its directory."""
    return END + struct.pack("<8xIIH", length, place, 0)


@pytest.mark.property
@given(before=st.binary(max_size=200), comment=st.binary(max_size=200))
def test_an_archive_is_found_behind_anything(before: bytes, comment: bytes) -> None:
    target = io.BytesIO(before)
    with zipfile.ZipFile(target, "a") as packed:
        packed.writestr("a.txt", "hello")
        packed.comment = comment

    assert is_refused(target.getvalue())


@pytest.mark.property
@given(content=st.binary(max_size=300), place=st.integers(0, 300))
def test_what_no_reader_takes_for_an_archive_passes(content: bytes, place: int) -> None:
    content = content[:place] + END + content[place:]
    assume(b"%PDF-" not in content)

    assert is_refused(content) <= zipfile.is_zipfile(io.BytesIO(content))


# zipfile looks one byte further than the longest comment, unzip as far as 73,000 (tried).
@pytest.mark.parametrize("behind", [0, 1, 65_535, 65_536, 73_000, 128 * 1024 - 22])
def test_an_archive_is_found_before_more_than_the_longest_comment(behind: int) -> None:
    assert is_refused(ARCHIVE + bytes(behind))


def test_no_reader_looks_for_an_archive_any_further_from_the_end() -> None:
    assert not is_refused(ARCHIVE + bytes(128 * 1024 - 21))


def test_of_a_long_file_the_end_is_searched() -> None:
    assert is_refused(bytes(200_001) + ARCHIVE)
    assert is_refused(bytes(200_000) + ARCHIVE + bytes(65_535))
    assert not is_refused(ARCHIVE + bytes(200_000))


def test_marks_behind_the_end_of_an_archive_do_not_hide_it() -> None:
    end = ARCHIVE[ARCHIVE.rfind(END) :]

    assert is_refused(ARCHIVE + END + bytes(30) + END)
    assert is_refused(pointing_to(22) + b"PK\x01\x02" + end)


def test_a_directory_may_be_the_first_thing_in_the_file() -> None:
    directory = b"PK\x01\x02".ljust(50, b"\0")

    assert is_refused(directory + pointing_to(7, length=50))
    assert not is_refused(directory + pointing_to(7, length=51))


@pytest.mark.parametrize("before", [0, 30, 200_000])
@pytest.mark.parametrize("comment", [0, 65_515, 65_535])
def test_an_archive_whose_directory_is_told_elsewhere_is_found(before: int, comment: int) -> None:
    locator = b"PK\x06\x07" + bytes(16)

    assert is_refused(bytes(before) + locator + END + b"\xff" * 18 + bytes(comment))


def test_an_archive_whose_directory_stands_where_it_says_is_found() -> None:
    with zipfile.ZipFile(io.BytesIO(ARCHIVE)) as packed:
        start = packed.start_dir
    end = ARCHIVE.rfind(END)

    assert is_refused(ARCHIVE[:end] + b"pixels" + ARCHIVE[end:])
    assert not is_refused(ARCHIVE[:start] + b"pixels" + ARCHIVE[end:])


@pytest.mark.parametrize(
    "content",
    [b"", END, END + bytes(18), END * 9000, b"x" * 1024 + b"%PDF-"],
    ids=["nothing", "mark", "empty archive", "marks", "late header"],
)
def test_marks_alone_are_no_second_format(content: bytes) -> None:
    assert not is_refused(content)


def is_late(content: bytes, piece_bytes: int = 1000) -> bool:
    pieces = [content[at : at + piece_bytes] for at in range(0, len(content), piece_bytes)]
    passed: list[bytes] = []
    try:
        passed.extend(refuse_late_archive(pieces))
    except catalogue.ArchiveLimitsExceeded:
        return True
    assert passed == pieces
    return False


@pytest.mark.property
@given(
    before=st.binary(max_size=200),
    comment=st.binary(max_size=200),
    behind=st.integers(0, 65_536),
    piece_bytes=st.integers(1, 3000),
)
def test_an_archive_in_a_member_is_found_behind_anything(
    before: bytes, comment: bytes, behind: int, piece_bytes: int
) -> None:
    target = io.BytesIO(before)
    with zipfile.ZipFile(target, "a") as packed:
        packed.writestr("a.txt", "hello")
        packed.comment = comment

    assert is_late(target.getvalue() + bytes(behind), piece_bytes + behind // 50)


@pytest.mark.property
@given(content=st.binary(max_size=300), place=st.integers(0, 300))
def test_a_member_that_no_reader_takes_for_an_archive_passes(content: bytes, place: int) -> None:
    content = content[:place] + END + content[place:]

    assert is_late(content) <= zipfile.is_zipfile(io.BytesIO(content))


def test_of_a_member_the_last_128_kib_count() -> None:
    assert is_late(b"MZ" + ARCHIVE + bytes(128 * 1024 - 22))
    assert not is_late(b"MZ" + ARCHIVE + bytes(128 * 1024 - 21))
    assert not is_late(b"MZ" + ARCHIVE[-22:-1])


@pytest.mark.parametrize("between", [0, 500_000])
@pytest.mark.parametrize("piece_bytes", [1, 2, 3, 999])
def test_a_directory_in_a_member_is_found_wherever_it_is_told(
    between: int, piece_bytes: int
) -> None:
    directory = b"PK\x01\x02".ljust(50, b"\0") + bytes(between)
    piece_bytes += between // 100

    assert is_late(b"MZ" + directory + pointing_to(9, len(directory)), piece_bytes)
    assert is_late(b"MZ" + directory + pointing_to(2, 9), piece_bytes)
    assert not is_late(b"MZ" + directory + pointing_to(9, 9), piece_bytes)


def test_of_a_member_full_of_marks_not_all_are_kept() -> None:
    mark = b"PK\x01\x02"

    assert not is_late(mark * 20_000, 80_000)
    assert is_late(mark * 20_001, 80_000)


@pytest.mark.parametrize("before", [0, 1, 200_000])
def test_an_archive_in_a_member_is_found_by_its_locator(before: int) -> None:
    locator = b"PK\x06\x07" + bytes(16)

    assert is_late(bytes(before) + locator + END + b"\xff" * 18)
    assert not is_late(bytes(before) + locator + b"x" + END + b"\xff" * 18)


def test_several_marks_in_a_member_are_all_looked_at() -> None:
    assert is_late(b"MZ" + ARCHIVE + END + bytes(30) + END)


@pytest.mark.parametrize("place", [0, 5, 1000, 1023])
def test_a_pdf_is_found_where_its_readers_look(place: int) -> None:
    assert is_refused(b"x" * place + b"%PDF-1.7 " + bytes(3000))


@pytest.mark.property
@given(content=st.binary(max_size=50), zeros=st.integers(0, 600_000), tail=st.binary(max_size=3))
def test_only_zeros_may_follow_an_end(content: bytes, zeros: int, tail: bytes) -> None:
    whole = content + bytes(zeros) + tail

    if tail.strip(b"\0"):
        with pytest.raises(catalogue.AmbiguousContent):
            check_ends(io.BytesIO(whole), len(content), len(whole))
    else:
        check_ends(io.BytesIO(whole), len(content), len(whole))
