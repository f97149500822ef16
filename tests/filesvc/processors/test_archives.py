"""What is told of a ZIP archive from its directory, and what counts as suspicious in it."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import catalogue
from filesvc.metadata import MAX_LISTED
from filesvc.processors import archive_file
from filesvc.processors.archives import describe_archive
from security.archive_limits import MAX_ENTRIES
from tests import samples
from tests.files.archives import Member, crowd, flat_bomb, pack
from tests.filesvc.processors.telling import tell

FOLDERS = st.lists(st.sampled_from(["a", "b", "lib.d"]), max_size=3)
FILES = st.sampled_from(["x.txt", "y.TXT", "z.pdf", "noext", ".hidden", "w.tar.gz"])
EXTENSIONS = {"x.txt": "txt", "y.TXT": "txt", "z.pdf": "pdf", "w.tar.gz": "gz"}


def describe(content: bytes) -> dict[str, Any]:
    return tell(describe_archive, content)


def suspicious(name: str) -> bool:
    told: int = describe(samples.archive({name: b""}))["suspicious_entries"]
    return told == 1


def test_every_field_of_an_archive_is_told() -> None:
    entries: dict[str, str | bytes] = {
        "docs/": b"",
        "docs/2024/a.PDF": b"12345",
        "docs/b.pdf": b"1",
        "run.exe": b"MZ",
        "README": b"",
    }

    assert describe(samples.archive(entries)) == {
        "kind": "archive",
        "entries": 5,
        "unpacked_bytes": 8,
        "deepest_path": 2,
        "types": [
            {"extension": "pdf", "entries": 2},
            {"extension": "", "entries": 1},
            {"extension": "exe", "entries": 1},
        ],
        "suspicious_entries": 1,
    }


@pytest.mark.property
@given(files=st.dictionaries(st.tuples(FOLDERS.map(tuple), FILES), st.binary(max_size=9)))
def test_what_was_packed_is_counted(files: dict[tuple[tuple[str, ...], str], bytes]) -> None:
    packed = samples.archive(
        {"/".join((*where, name)): files[where, name] for where, name in files}
    )

    told = describe(packed)

    assert told["entries"] == len(files)
    assert told["unpacked_bytes"] == sum(map(len, files.values()))
    assert told["deepest_path"] == max((len(where) for where, _ in files), default=0)
    assert told["suspicious_entries"] == sum(name == "w.tar.gz" for _, name in files)
    expected: dict[str, int] = {}
    for _, name in files:
        extension = EXTENSIONS.get(name, "")
        expected[extension] = expected.get(extension, 0) + 1
    assert {row["extension"]: row["entries"] for row in told["types"]} == expected
    assert told["types"] == sorted(
        told["types"], key=lambda row: (-row["entries"], row["extension"])
    )


@pytest.mark.parametrize(
    "name",
    [
        *("setup.exe", "a/b/setup.EXE", "invoice.pdf.exe", "invoice.exe.pdf", "a.php.jpg"),
        *("run.sh", "macro.docm", "inner.zip", "a.tar.gz", ".htaccess", "page.html", "x.lnk"),
        *("setup.exe.", "setup.exe . .", "notes.txt:evil.exe", "setup.ｅｘｅ", "disk.iso"),
    ],
)
def test_programs_scripts_and_archives_are_suspicious(name: str) -> None:
    assert suspicious(name)


@pytest.mark.parametrize(
    "name",
    ["a.txt", "report.final.pdf", "exe", "exe/a.txt", "photo.2024.01.jpg", "a.zip.bak", "x.docx"],
)
def test_other_names_are_not_suspicious(name: str) -> None:
    assert not suspicious(name)


def test_the_same_entries_in_another_order_are_told_alike() -> None:
    entries: dict[str, str | bytes] = {f"f.{number}": b"x" for number in range(9)}

    assert describe(samples.archive(entries)) == describe(
        samples.archive(dict(reversed(entries.items())))
    )


def test_extensions_are_shown_clean_and_only_the_first_are_listed() -> None:
    entries: dict[str, str | bytes] = {f"f.{number:04}": b"" for number in range(MAX_LISTED + 5)}
    entries |= {"a.\x07te\u202exT": b"", "b." + "x" * 3000: b"", "c.text": b""}

    told = describe(samples.archive(entries))

    assert told["types"][0] == {"extension": "text", "entries": 2}
    assert len(told["types"]) == MAX_LISTED


def test_nothing_is_unpacked() -> None:
    content = bytearray(samples.archive({"a.txt": b"hello" * 100}))
    with zipfile.ZipFile(io.BytesIO(bytes(content))) as packed:
        start = packed.infolist()[0].header_offset + 35
    content[start] ^= 0xFF  # inside the deflate stream

    assert describe(bytes(content))["unpacked_bytes"] == 500


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK",
        b"PK\5\6" + bytes(17),
        samples.archive({"a": b"x"})[:-1],
        samples.archive({"a": b"x"})[40:],
        pack(Member(b"")),
        pack(Member(b"\xff", flags=1 << 11)),
    ],
)
def test_what_has_no_readable_directory_is_corrupt(content: bytes) -> None:
    with pytest.raises(catalogue.CorruptContent):
        describe(content)


def test_an_archive_with_a_password_is_refused() -> None:
    with pytest.raises(catalogue.EncryptedContent):
        describe(pack(Member(b"a", b"x"), Member(b"b", b"x", flags=1)))


def test_too_many_entries_are_refused_and_one_fewer_are_told() -> None:
    assert describe(crowd(MAX_ENTRIES))["entries"] == MAX_ENTRIES
    with pytest.raises(catalogue.ArchiveLimitsExceeded) as raised:
        describe(crowd(MAX_ENTRIES + 1))
    assert raised.value.meta == {
        "max_ratio": 100,
        "max_entries": 10_000,
        "max_depth": 3,
        "max_unpacked_bytes": 8 * 1024**3,
    }


def test_too_much_in_all_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_file, "MAX_UNPACKED_BYTES", 2 * 1024**2)

    assert describe(flat_bomb(2))["unpacked_bytes"] == 2 * 1024**2
    with pytest.raises(catalogue.ArchiveLimitsExceeded):
        describe(flat_bomb(3))
