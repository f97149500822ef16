"""An entry is a file or a folder with a plain relative name that no other entry has."""

from __future__ import annotations

import posixpath
import stat
import struct
import unicodedata
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.files.archives import Member, nested, pack
from tests.security.structure.verdicts import zip_verdict

UTF8 = 1 << 11
UNSAFE = "archive_unsafe_entry"


def names_verdict(*names: str, flags: int = UTF8) -> str:
    return zip_verdict(pack(*(Member(name.encode(), flags=flags, method=0) for name in names)))


@pytest.mark.parametrize(
    "name",
    [
        *("../a", "a/../../b", "..", "a/..", "/etc/passwd", "//server/a", "C:a", "c:/a", "a\\b"),
        *("..\\a", "a\0.txt", "a\nb", "\x7f", "a\x85", "\x1b[2J", "", "/"),
    ],
)
def test_an_unsafe_name_is_refused(name: str) -> None:
    assert names_verdict(name) == UNSAFE


@pytest.mark.parametrize(
    "name",
    ["a", "a/b.txt", "..a", "a..", "a../b", "...", "./a", ".hidden", "12:30.log", "a b", "é/漢🙂"],
)
def test_a_plain_name_is_accepted(name: str) -> None:
    assert names_verdict(name) == "accepted"


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("a" * 1024, "accepted"),
        ("a" * 1025, UNSAFE),
        ("\u05d0" + "\u05b8\u05bc" * 15, "accepted"),
        ("a" + "\u0301" * 31, UNSAFE),
        ("\u0301" * 30, "accepted"),
        ("\u0301" * 31, UNSAFE),
    ],
)
def test_a_name_is_no_longer_than_names_are(name: str, verdict: str) -> None:
    assert names_verdict(name) == verdict


@pytest.mark.property
@given(name=st.text(st.sampled_from("ab./\\:C\0\n é"), min_size=1, max_size=12))
def test_an_accepted_name_stays_below_where_it_is_unpacked(name: str) -> None:
    if names_verdict(name) != "accepted":
        return

    landed = posixpath.normpath(posixpath.join("/work/folder", name))
    assert landed == "/work/folder" or landed.startswith("/work/folder/")
    assert "\\" not in name
    assert name.isprintable()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a.txt", "a.txt"),
        ("a.txt", "A.TXT"),
        ("a.txt", "./a.txt"),
        ("a/b", "a//b"),
        ("a", "a/"),
        ("straße", "STRASSE"),
        ("caf\xe9", "cafe\u0301"),
    ],
)
def test_two_names_of_one_file_are_refused(one: str, other: str) -> None:
    assert names_verdict(one, "between", other) == UNSAFE
    assert names_verdict(one, "between") == "accepted"


@pytest.mark.property
@given(
    name=st.text(st.characters(categories=["L"]), min_size=1, max_size=8),
    plain=st.from_regex("[a-zA-Z]{1,8}", fullmatch=True),
)
def test_another_spelling_of_a_name_is_the_same_name(name: str, plain: str) -> None:
    assert names_verdict(name, unicodedata.normalize("NFD", name)) == UNSAFE
    assert names_verdict(plain, plain.swapcase()) == UNSAFE


def test_the_same_name_in_another_archive_is_another_file() -> None:
    assert zip_verdict(nested(2, b"hello", "a.txt")) == "accepted"


def test_a_name_without_the_utf8_flag_is_one_all_the_same() -> None:
    assert names_verdict("é.txt", "e\u0301.txt", flags=0) == UNSAFE
    assert zip_verdict(pack(Member(b"caf\x82.txt"), Member(b"caf\x8a.txt"))) == "accepted"


def test_a_name_that_is_not_the_utf8_it_says_is_refused() -> None:
    assert zip_verdict(pack(Member(b"caf\x82", flags=UTF8))) == "corrupt_content"


@pytest.mark.parametrize(
    ("path", "verdict"),
    [
        (b"\xe6\xbc\xa2.txt", "accepted"),
        (b"../a", UNSAFE),
        (b"b", UNSAFE),
        (b"\xff", "corrupt_content"),
        (b"", "accepted"),
    ],
)
def test_the_unicode_name_of_an_entry_counts_too(path: bytes, verdict: str) -> None:
    told = struct.pack("<BL", 1, zlib.crc32(b"a")) + path
    extra = struct.pack("<HH", 0x7075, len(told)) + told

    assert zip_verdict(pack(Member(b"b"), Member(b"a", extra=extra))) == verdict


@pytest.mark.parametrize("check_sum", [1, 0xFFFFFFFF])
def test_a_unicode_name_that_belongs_to_another_name_is_void(check_sum: int) -> None:
    told = struct.pack("<BL", 1, check_sum) + b"../a"

    assert zip_verdict(pack(Member(b"a", extra=struct.pack("<HH", 0x7075, 9) + told))) == "accepted"


@pytest.mark.parametrize(
    "kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK]
)
def test_links_and_devices_are_refused(kind: int) -> None:
    entry = Member(b"a", b"/etc/passwd", attributes=(kind | 0o777) << 16)

    assert zip_verdict(pack(Member(b"b"), entry)) == UNSAFE
    assert zip_verdict(nested(2, pack(entry))) == UNSAFE


def test_a_link_named_like_standard_input_is_a_link() -> None:
    assert zip_verdict(pack(Member(b"-", b"a", attributes=stat.S_IFLNK << 16))) == UNSAFE


@pytest.mark.parametrize("name", [b"+", b"--", b"."])
def test_a_pipe_is_only_what_is_named_like_standard_input(name: bytes) -> None:
    for named, verdict in ((b"-", "accepted"), (name, UNSAFE)):
        entry = Member(named, b"a", attributes=stat.S_IFIFO << 16)
        assert zip_verdict(pack(entry)) == verdict


def test_a_folder_has_no_content() -> None:
    assert zip_verdict(pack(Member(b"folder/", b"hidden"))) == UNSAFE
    assert zip_verdict(pack(Member(b"folder/"))) == "accepted"
