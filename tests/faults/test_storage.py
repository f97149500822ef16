"""A store that is broken, full, read-only or slow: refused, and not a byte of it stays behind."""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from filesvc.blobs import prepare_storage
from filesvc.models import File, Status
from tests.client import call
from tests.conftest import assert_problem, kept_files
from tests.faults.conftest import Client, failing
from tests.faults.disk import Disk
from tests.faults.report import BY_RETRY, WHEN_OVER, Report

pytestmark = pytest.mark.django_db

LARGE = b"a line of text\n" * 40_000  # 600 KB, more than one chunk
STORE_BYTES = 128 * 1024
ERRNOS = {
    "EIO": ("storage_unavailable", 503),
    "EACCES": ("storage_unavailable", 503),
    "EROFS": ("storage_unavailable", 503),
    "ESTALE": ("storage_unavailable", 503),
    "ENOSPC": ("storage_full", 507),
    "EDQUOT": ("storage_full", 507),
}


@pytest.fixture
def disk(storage: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    """A disk that works until it is told otherwise."""
    importlib.import_module("config.wsgi")  # prepares a store of its own
    watched = Disk(storage)
    for name in ("open", "write", "fsync", "lseek", "pread"):
        watched.watch(monkeypatch, os, name)
    for name in ("mkdir", "open", "rename", "unlink"):
        watched.watch(monkeypatch, Path, name)
    return watched


def calls_of_one_upload(disk: Disk, client: Client) -> list[str]:
    """The names of the calls in their order; what was kept is gone again."""
    assert client.upload(LARGE).status == 201
    made = list(disk.made)
    client.forget()
    disk.heal()
    return made


# --- every call of an upload, one after the other ---------------------------------------


def test_an_upload_makes_its_bytes_and_their_name_durable(disk: Disk, client: Client) -> None:
    made = calls_of_one_upload(disk, client)

    assert made[0] == "open"
    assert made.count("write") >= 2
    folder, renamed = made.index("mkdir"), made.index("rename")
    assert "fsync" in made[:folder], "the bytes"
    assert "fsync" in made[folder:renamed], "the folder"
    assert "fsync" in made[renamed:], "the name"


@pytest.mark.parametrize("code", ERRNOS)
def test_whichever_call_fails_first_the_upload_is_refused_whole(
    disk: Disk, client: Client, code: str
) -> None:
    for failing_number in range(1, len(calls_of_one_upload(disk, client)) + 1):
        disk.fail(code, at=functools.partial(is_number, failing_number))
        answer = client.upload(LARGE)
        disk.heal()

        client.assert_refused(answer, *ERRNOS[code])
        client.log_events.clear()

    client.assert_whole(client.upload(LARGE), LARGE)


def is_number(expected: int, number: int, name: str) -> bool:
    return number == expected


@pytest.mark.fault(39, "the disk fails where an upload is made durable")
@pytest.mark.parametrize("failing_name", ["fsync", "rename", "write"])
def test_a_call_that_failed_is_not_tried_again(
    disk: Disk, client: Client, failing_name: str, report: Report
) -> None:
    disk.fail("EIO", at=lambda number, name: name == failing_name)

    answer = client.upload(LARGE)

    assert disk.made.count(failing_name) == 1
    client.assert_refused(answer, "storage_unavailable")
    report(saw=answer, left="nothing", repaired=BY_RETRY)


def test_a_store_that_cannot_even_clean_up_gives_the_same_answer(
    disk: Disk, client: Client
) -> None:
    disk.fail("EROFS", at=lambda number, name: name in ("rename", "unlink"))

    answer = client.upload()

    client.assert_told_once(answer, "storage_unavailable")


def test_a_refusal_stays_what_it_is_when_its_bytes_cannot_be_removed(
    disk: Disk, client: Client
) -> None:
    disk.fail("EROFS", at=lambda number, name: name == "unlink")

    answer = client.upload(b"")

    assert_problem(answer, 422, "empty_file")
    left = [event["event"] for event in client.log_events if event["level"] == "warning"]
    assert left == ["staged.left_behind"]


def test_a_last_word_of_the_disk_cannot_take_an_acceptance_back(
    disk: Disk, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk.watch(monkeypatch, os, "close")
    made = calls_of_one_upload(disk, client)
    assert made[-1] == "close", "of the file that was promoted"
    disk.fail("EIO", at=functools.partial(is_number, len(made)))

    answer = client.upload(LARGE)

    assert len(disk.made) == len(made)
    client.assert_whole(answer, LARGE)


def test_a_slow_store_is_waited_for(disk: Disk, client: Client) -> None:
    def wait(number: int, name: str) -> None:
        threading.Event().wait(0.05)

    disk.spoil = wait

    client.assert_whole(client.upload())


# --- health ----------------------------------------------------------------------------


@pytest.mark.parametrize("code", ERRNOS)
@pytest.mark.parametrize("failing_name", ["open", "write"])
def test_the_service_is_not_ready_while_its_store_takes_nothing(
    disk: Disk, code: str, failing_name: str
) -> None:
    disk.fail(code, at=lambda number, name: name == failing_name)
    assert failing() == ["storage"]

    disk.heal()
    assert failing() == []
    assert kept_files(disk.store) == [], "nor does the question leave anything"


def test_a_store_that_is_gone_refuses_until_it_is_back(client: Client) -> None:
    away = client.storage.with_name("away")
    client.storage.rename(away)
    assert failing() == ["storage"]
    client.log_events.clear()
    answer = client.upload()
    client.assert_refused(answer, "storage_unavailable")

    away.rename(client.storage)
    assert failing() == []
    assert client.upload().status == 201


# --- handing out and deleting ----------------------------------------------------------


@pytest.mark.parametrize("code", ["EIO", "ESTALE"])
def test_bytes_that_cannot_be_opened_are_told_and_the_file_stays(
    disk: Disk, client: Client, code: str
) -> None:
    path = kept_and_processed(client)
    disk.fail(code, at=lambda number, name: name == "open")
    answer = call("GET", f"{path}content/", token=client.token)
    client.assert_told_once(answer, "storage_unavailable")

    disk.heal()
    assert call("GET", f"{path}content/", token=client.token).body == b"hello"


def kept_and_processed(client: Client) -> str:
    """The path of a file that may be downloaded."""
    answer = client.upload()
    File.objects.update(status=Status.PROCESSED, processed=True)
    return str(answer.headers["location"])


# --- a real file system, and a small one ------------------------------------------------


@pytest.fixture
def small(tmp_path: Path, settings: Any) -> Iterator[Path]:
    """A store on a file system of its own with little room."""
    store = tmp_path / "small"
    store.mkdir()
    options = f"size={STORE_BYTES},mode=0700"
    mounted = mount("-t", "tmpfs", "-o", options, "tmpfs", str(store))
    if mounted.returncode:
        pytest.skip(f"cannot mount a file system here: {mounted.stderr.strip()}")
    try:
        settings.STORAGE_ROOT = store
        settings.MIN_FREE_BYTES = -(2**40)  # refused at the door, it would never get full
        prepare_storage()
        yield store
    finally:
        subprocess.run(["umount", str(store)], check=True)


def mount(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)


def test_a_file_that_fills_the_store_is_refused_and_makes_room_again(
    small: Path, client: Client
) -> None:
    client.storage = small
    answer = client.upload(LARGE)

    client.assert_refused(answer, "storage_full", 507)
    client.log_events.clear()
    client.assert_whole(client.upload())


@pytest.mark.fault(38, "the store is full")
def test_a_full_store_is_told_and_heals_when_there_is_room(
    small: Path, client: Client, report: Report
) -> None:
    client.storage = small
    ballast = small / "ballast"
    with contextlib.suppress(OSError):
        ballast.write_bytes(bytes(2 * STORE_BYTES))
    assert failing() == ["storage"]
    client.log_events.clear()
    answer = client.upload()
    assert kept_files(small) == [ballast]

    ballast.unlink()
    client.assert_refused(answer, "storage_full", 507)
    assert failing() == []
    assert client.upload().status == 201
    report(saw=answer, left="nothing; not ready", repaired=WHEN_OVER)


def test_a_store_that_turned_read_only_refuses_until_it_is_writable(
    small: Path, client: Client
) -> None:
    client.storage = small
    assert mount("-o", "remount,ro", str(small)).returncode == 0
    assert failing() == ["storage"]
    client.log_events.clear()
    answer = client.upload()
    client.assert_refused(answer, "storage_unavailable")

    assert mount("-o", "remount,rw", str(small)).returncode == 0
    assert failing() == []
    assert client.upload().status == 201
