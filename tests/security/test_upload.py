"""A staged file is private, open from its first byte on, and gone unless it is promoted."""

from __future__ import annotations

import ast
import errno
import itertools
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import catalogue
from errors.base import ServiceError
from security.receiving import write_all
from security.upload import STAGING, open_staged, storage_faults
from tests.client import upload
from tests.conftest import assert_nothing_kept, assert_problem, kept_files
from tests.stack import ROOT

PACKAGES = ("config", "errors", "filesvc", "security", "docker")


def test_a_staged_file_belongs_to_this_user_alone(storage: Path) -> None:
    staged = open_staged("a.txt")

    assert staged.path.parent == storage / STAGING
    assert stat.S_IMODE(staged.path.stat().st_mode) == 0o600
    assert (staged.size_bytes, staged.sha256, staged.fields) == (0, "", {})
    staged.close()


def test_a_staged_file_is_not_inherited_by_other_programs() -> None:
    staged = open_staged("a.txt")

    assert not os.get_inheritable(staged.descriptor)
    staged.close()


@pytest.mark.parametrize("name", ["a.txt", "../../etc/passwd", "\x00", "x" * 5000])
def test_no_part_of_the_clients_name_is_in_the_path(name: str, storage: Path) -> None:
    staged = open_staged(name)

    assert staged.path.parent == storage / STAGING
    assert set(staged.path.name) <= set("0123456789abcdef")
    staged.close()


def test_two_uploads_never_share_a_file() -> None:
    staged = [open_staged("a.txt") for _ in range(50)]

    assert len({upload.path for upload in staged}) == 50
    for one in staged:
        one.close()


def test_closing_removes_the_bytes(storage: Path) -> None:
    staged = open_staged("a.txt")
    staged.close()

    assert kept_files(storage) == []
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(staged.descriptor)


def test_closing_keeps_what_was_promoted(storage: Path) -> None:
    staged = open_staged("a.txt")
    staged.is_promoted = True
    staged.close()

    assert kept_files(storage) == [staged.path]


def test_closing_is_content_when_the_bytes_are_gone_already() -> None:
    staged = open_staged("a.txt")
    staged.path.unlink()
    staged.close()


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.ENOSPC, catalogue.StorageFull),
        (errno.EDQUOT, catalogue.StorageFull),
        (errno.EIO, catalogue.StorageUnavailable),
        (errno.EROFS, catalogue.StorageUnavailable),
        (errno.EACCES, catalogue.StorageUnavailable),
        (errno.EMFILE, catalogue.StorageUnavailable),
    ],
)
def test_a_full_store_is_told_from_a_broken_one(number: int, error: type[ServiceError]) -> None:
    with pytest.raises(error) as refused, storage_faults():
        raise OSError(number, "/secret/path")

    assert refused.value.note == errno.errorcode[number]


def test_an_error_without_a_number_is_a_broken_store() -> None:
    with pytest.raises(catalogue.StorageUnavailable) as refused, storage_faults():
        raise OSError("no number")

    assert refused.value.note == "OSError"


def test_our_own_errors_pass_as_they_are() -> None:
    with pytest.raises(catalogue.EmptyFile), storage_faults():
        raise catalogue.EmptyFile()


def test_a_store_without_its_folder_is_unavailable(storage: Path) -> None:
    (storage / STAGING).rmdir()

    with pytest.raises(catalogue.StorageUnavailable):
        open_staged("a.txt")


def test_a_device_that_is_full_is_a_full_store() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(catalogue.StorageFull), storage_faults():
        write_all(full, b"hello")
    os.close(full)


@pytest.mark.property
@given(st.binary(max_size=200), st.lists(st.integers(1, 50), min_size=1, max_size=5))
def test_short_writes_are_carried_on(content: bytes, taken: list[int]) -> None:
    turns = itertools.cycle(taken)
    real = os.write
    with tempfile.TemporaryFile() as target, pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", lambda fd, piece: real(fd, piece[: next(turns)]))
        write_all(target.fileno(), content)
        assert os.pread(target.fileno(), 1000, 0) == content


# --- over HTTP ------------------------------------------------------------------------


@pytest.fixture
def failing_write(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Let every write into the staging folder fail with an error number."""
    real = os.write

    def fail_with(number: int) -> None:
        def write(descriptor: int, content: Any) -> int:
            if f"/{STAGING}/" in str(Path(f"/proc/self/fd/{descriptor}").readlink()):
                raise OSError(number, "injected")
            return real(descriptor, content)

        monkeypatch.setattr(os, "write", write)

    yield fail_with
    monkeypatch.undo()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("number", "problem"),
    [(errno.ENOSPC, (507, "storage_full")), (errno.EIO, (503, "storage_unavailable"))],
)
def test_a_store_that_fails_while_receiving_keeps_nothing(
    token: str,
    storage: Path,
    failing_write: Callable[[int], None],
    number: int,
    problem: tuple[int, str],
) -> None:
    failing_write(number)

    assert_problem(upload(token, b"hello"), *problem)
    assert_nothing_kept(storage)


@pytest.mark.django_db
def test_a_store_without_its_folder_refuses_uploads(token: str, storage: Path) -> None:
    (storage / STAGING).rmdir()

    assert_problem(upload(token, b"hello"), 503, "storage_unavailable")
    assert_nothing_kept(storage)


# --- the certificate ------------------------------------------------------------------


def uses_of_clean_upload(tree: ast.AST) -> list[str]:
    """How a module gets hold of a CleanUpload: by calling it, renaming it or copying it."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            name = getattr(called, "id", getattr(called, "attr", None))
            found += [name] if name == "CleanUpload" else []
        if isinstance(node, ast.alias) and node.name.endswith("CleanUpload") and node.asname:
            found.append("renamed")
        if isinstance(node, ast.ClassDef):
            bases = [getattr(base, "id", getattr(base, "attr", None)) for base in node.bases]
            found += ["subclass"] if "CleanUpload" in bases else []
        if isinstance(node, ast.Assign) and getattr(node.value, "id", "") == "CleanUpload":
            found.append("renamed")
    return found


def test_only_the_scanner_makes_a_clean_upload() -> None:
    makers = {
        str(path.relative_to(ROOT)): uses_of_clean_upload(ast.parse(path.read_text()))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
    }

    assert len(makers) > 40
    assert {path: uses for path, uses in makers.items() if uses} == {
        "security/malware.py": ["CleanUpload"]
    }


def test_a_hidden_way_to_a_clean_upload_would_be_seen() -> None:
    for source in (
        "import security.upload as u\nu.CleanUpload(a, b)",
        "from security.upload import CleanUpload as Fine",
        "Fine = CleanUpload",
        "class Fine(CleanUpload): pass",
    ):
        assert uses_of_clean_upload(ast.parse(source))
