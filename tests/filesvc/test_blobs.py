"""The kept bytes: private, under names of our own, durable before anything knows of them."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import catalogue
from filesvc.blobs import blob_path, delete_blob, open_blob, prepare_storage
from filesvc.models import File
from filesvc.stores.places import FILES
from tests.client import upload
from tests.conftest import assert_nothing_kept, assert_problem, kept_files

# What the store is asked to do for one upload; each of these may fail.
CALLS = ("open", "write", "fsync", "mkdir", "rename", "close")


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def folder_of(descriptor: int) -> Path:
    return Path(f"/proc/self/fd/{descriptor}").readlink()


class StoreCalls:
    """Counts the calls an upload makes on the store, and fails the one of a given number."""

    def __init__(self, storage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[tuple[str, Path]] = []
        self.fail_at: int | None = None
        self.error_number = errno.EIO
        self._storage = storage
        for name in CALLS:
            monkeypatch.setattr(os, name, self._watch(name, getattr(os, name)))

    def _watch(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(subject: Any, *args: Any, **kwargs: Any) -> Any:
            path = folder_of(subject) if isinstance(subject, int) else Path(os.fsdecode(subject))
            if not path.is_relative_to(self._storage):
                return real(subject, *args, **kwargs)
            self.made.append((name, path))
            # A close that fails has closed all the same, and comes after everything else.
            if name != "close" and len(self.made) == self.fail_at:
                raise OSError(self.error_number, os.strerror(self.error_number))
            return real(subject, *args, **kwargs)

        return call

    def named(self, *names: str) -> list[tuple[str, Path]]:
        return [call for call in self.made if call[0] in names]


@pytest.fixture
def store_calls(storage: Path, monkeypatch: pytest.MonkeyPatch) -> StoreCalls:
    return StoreCalls(storage, monkeypatch)


@pytest.mark.property
@given(first=st.uuids(), second=st.uuids())
def test_a_blob_has_a_fixed_name_under_the_root_made_of_its_id_alone(
    storage: Path, first: uuid.UUID, second: uuid.UUID
) -> None:
    inside = blob_path(first).relative_to(storage)

    assert inside.parts == ("files", first.hex[-2:], first.hex)
    assert ".." not in inside.parts
    assert (blob_path(first) == blob_path(second)) == (first == second)


@pytest.mark.django_db
def test_kept_bytes_and_their_folders_are_private(token: str, storage: Path) -> None:
    assert upload(token, b"hello").status == 201

    (blob,) = kept_files(storage)
    assert mode_of(blob) == 0o600
    folders = [storage / "staging", storage / "files", blob.parent]
    assert [mode_of(folder) for folder in folders] == [0o700] * 3


def test_preparing_a_store_twice_keeps_what_is_in_it(storage: Path) -> None:
    (storage / "files" / "kept").write_bytes(b"kept")

    prepare_storage()

    assert (storage / "files" / "kept").read_bytes() == b"kept"


@pytest.mark.django_db
def test_bytes_are_durable_before_they_are_named_and_the_name_after(
    token: str, storage: Path, store_calls: StoreCalls
) -> None:
    assert upload(token, b"hello").status == 201

    blob = blob_path(File.objects.get().id)
    (_, staged), *rest = store_calls.named("fsync", "mkdir", "rename")
    assert staged.parent == storage / "staging"
    assert rest == [
        ("mkdir", blob.parent),
        ("fsync", blob.parent.parent),
        ("rename", staged),
        ("fsync", blob.parent),
    ]


@pytest.mark.django_db
def test_the_name_of_a_folder_made_by_another_process_is_made_durable_too(
    token: str, storage: Path, store_calls: StoreCalls
) -> None:
    for number in range(256):
        (storage / "files" / f"{number:02x}").mkdir()
    store_calls.made.clear()

    assert upload(token, b"hello").status == 201

    calls = store_calls.named("fsync", "rename")
    assert calls.index(("fsync", storage / "files")) < [name for name, _ in calls].index("rename")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "fault",
    [
        (errno.EIO, 503, "storage_unavailable"),
        (errno.EROFS, 503, "storage_unavailable"),
        (errno.ENOSPC, 507, "storage_full"),
        (errno.EDQUOT, 507, "storage_full"),
    ],
)
def test_a_failure_of_any_call_to_the_store_refuses_the_upload_and_leaves_nothing(
    token: str, storage: Path, store_calls: StoreCalls, fault: tuple[int, int, str]
) -> None:
    store_calls.error_number, status, code = fault
    assert upload(token, b"hello").status == 201
    calls = [name for name, _ in store_calls.made]
    File.objects.all().delete()
    (blob,) = kept_files(storage)
    blob.unlink()

    for place in [place for place, name in enumerate(calls, start=1) if name != "close"]:
        for folder in (storage / "files").iterdir():
            folder.rmdir()
        store_calls.made.clear()
        store_calls.fail_at = place
        assert_problem(upload(token, b"hello"), status, code)
        assert len(store_calls.made) >= place
        assert_nothing_kept(storage)


@pytest.mark.django_db
def test_a_failed_fsync_is_not_tried_again(
    token: str, storage: Path, store_calls: StoreCalls
) -> None:
    upload(token, b"hello")
    store_calls.fail_at = 1 + [name for name, _ in store_calls.made].index("fsync")
    store_calls.made.clear()

    assert_problem(upload(token, b"hello"), 503, "storage_unavailable")

    assert [name for name, _ in store_calls.made].count("fsync") == 1
    assert not store_calls.named("rename")


@pytest.mark.django_db
def test_an_upload_whose_write_is_short_is_kept_whole(
    token: str, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, chunk: write(descriptor, chunk[:7]))

    assert upload(token, b"hello, " * 100).status == 201

    assert [path.read_bytes() for path in kept_files(storage)] == [b"hello, " * 100]


def test_a_blob_that_is_not_there_is_reported_as_missing() -> None:
    with pytest.raises(catalogue.SourceMissing):
        open_blob(uuid.uuid4(), 5)


def test_a_blob_of_a_store_that_is_not_mounted_is_not_missing(storage: Path) -> None:
    shutil.rmtree(storage / FILES)

    with pytest.raises(catalogue.StorageUnavailable) as raised:
        open_blob(uuid.uuid4(), 5)

    assert raised.value.note == "ENODEV"


def test_a_blob_that_cannot_be_read_is_a_fault_of_the_store() -> None:
    file_id = uuid.uuid4()
    blob_path(file_id).mkdir(parents=True)

    with pytest.raises(catalogue.StorageUnavailable) as raised:
        open_blob(file_id, 5)

    assert raised.value.note == "EISDIR"


def test_deleting_a_blob_twice_is_no_error(storage: Path) -> None:
    file_id = uuid.uuid4()
    blob_path(file_id).parent.mkdir()
    blob_path(file_id).write_bytes(b"hello")

    delete_blob(file_id)
    delete_blob(file_id)

    assert kept_files(storage) == []


def test_a_blob_that_cannot_be_deleted_is_a_fault_of_the_store() -> None:
    file_id = uuid.uuid4()
    blob_path(file_id).mkdir(parents=True)

    with pytest.raises(catalogue.StorageUnavailable):
        delete_blob(file_id)
