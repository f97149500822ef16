"""A folder as a store: what is large is on its way to the disk while it is scanned."""

from __future__ import annotations

import errno
import os
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Any, NoReturn
from uuid import UUID

import pytest

from errors import catalogue
from filesvc.blobs import begin_to_promote, promote
from filesvc.stores import folder
from security.kept_threads import KeptThreads
from tests.client import upload
from tests.filesvc.stores.staging import staged_clean
from tests.samples import EICAR, image

ID = UUID("0190a6b2-0000-7000-8000-0000000000ab")


class Watched(KeptThreads):
    """Remembers what it was given to do."""

    def __init__(self) -> None:
        super().__init__("watched")
        self.begun: list[Future[Any]] = []

    def submit(self, work: Any, *arguments: Any) -> Future[Any]:
        self.begun.append(super().submit(work, *arguments))
        return self.begun[-1]


@pytest.fixture
def writing(monkeypatch: pytest.MonkeyPatch) -> Watched:
    watched = Watched()
    monkeypatch.setattr(folder, "_writing", watched)
    return watched


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Each fsync of a file with bytes: its inode, and the descriptor it was asked of."""
    done: list[tuple[int, int]] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        done.append((os.fstat(descriptor).st_ino, descriptor))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    return done


def fail(_: int) -> None:
    raise OSError(errno.EIO, "as a broken disk says")


@pytest.mark.parametrize("more_bytes", [0, 1])
def test_what_is_large_is_written_out_before_it_is_taken(
    writing: Watched,
    synced: list[tuple[int, int]],
    monkeypatch: pytest.MonkeyPatch,
    more_bytes: int,
) -> None:
    monkeypatch.setattr(folder, "LARGE_BYTES", 100)
    with staged_clean(b"x" * (100 + more_bytes)) as clean:
        begin_to_promote(clean.staged)
        [begun] = writing.begun
        assert begun.result(timeout=10) is None

        [(inode, descriptor)] = synced
        assert inode == os.fstat(clean.staged.descriptor).st_ino
        assert descriptor != clean.staged.descriptor


def test_what_is_small_waits_until_it_is_taken(
    writing: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "LARGE_BYTES", 100)
    with staged_clean(b"x" * 99) as clean:
        begin_to_promote(clean.staged)

    assert writing.begun == []


def test_who_takes_it_makes_sure_of_it_by_the_descriptor_it_came_in(
    synced: list[tuple[int, int]],
) -> None:
    with staged_clean(b"x") as clean:
        promote(clean, ID)

        assert clean.staged.descriptor in [descriptor for _, descriptor in synced]


def test_a_disk_that_fails_is_told_by_who_takes_it_and_not_before(
    writing: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "LARGE_BYTES", 1)
    monkeypatch.setattr(os, "fsync", fail)
    with staged_clean(b"x") as clean:
        begin_to_promote(clean.staged)

        with pytest.raises(catalogue.StorageUnavailable):
            promote(clean, ID)


def test_a_failure_that_was_told_early_is_not_tried_again(
    writing: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "LARGE_BYTES", 1)
    fsync = os.fsync
    with staged_clean(b"x") as clean:
        monkeypatch.setattr(os, "fsync", fail)
        begin_to_promote(clean.staged)
        wait([writing.begun[0]], timeout=10)
        monkeypatch.setattr(os, "fsync", fsync)

        with pytest.raises(catalogue.StorageUnavailable):
            promote(clean, ID)
        assert not clean.staged.is_promoted


def test_what_was_not_begun_in_time_is_done_by_who_takes_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with staged_clean(b"x") as clean:
        clean.staged.written_out = Future()

        promote(clean, ID)
        assert clean.staged.written_out.cancelled()
        assert clean.staged.is_promoted


def test_an_upload_is_kept_without_a_thread_to_spare(monkeypatch: pytest.MonkeyPatch) -> None:
    def submit(*_: object) -> NoReturn:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(folder, "LARGE_BYTES", 1)
    monkeypatch.setattr(folder._writing, "submit", submit)
    with staged_clean(b"x") as clean:
        begin_to_promote(clean.staged)
        promote(clean, ID)

        assert clean.staged.is_promoted


def test_a_file_that_is_gone_by_then_is_nothing_to_tell(storage: Path) -> None:
    folder._write_out(storage / "staging" / "gone")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "is_begun"), [(EICAR, True), (image("PNG"), False)], ids=["malware", "no text"]
)
def test_what_a_gate_before_the_scan_refuses_costs_the_disk_nothing(
    token: str,
    writing: Watched,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
    is_begun: bool,
) -> None:
    monkeypatch.setattr(folder, "LARGE_BYTES", 1)

    assert upload(token, content).status in (415, 422)

    assert bool(writing.begun) is is_begun
