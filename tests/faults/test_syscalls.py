"""A real web process whose system calls fail, or are its last ones, on the way of an upload."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from filesvc.models import File
from filesvc.sweeper import sweep_once
from tests.conftest import assert_nothing_kept, kept_files
from tests.faults.living import Web, running_web, upload_to
from tests.faults.report import AFTER_AN_HOUR, BY_RETRY, WHEN_OVER, Report
from tests.faults.syscalls import injected
from tests.faults.test_web import HOUR_SECONDS, LARGE, LOST, storage, store, wait, web
from tests.filesvc.keying import lapse
from tests.filesvc.repairs.test_store import Wait
from tests.stack import wait_until
from tests.system.edge import edge

__all__ = ["storage", "store", "wait", "web"]
pytestmark = pytest.mark.django_db(transaction=True)

KEY = "the-key-of-this-upload"


@pytest.fixture
def own_web(store: Path, transactional_db: None) -> Iterator[Web]:
    """A server that may lose a process: a second loss within seconds ends it."""
    with running_web(store) as running:
        yield running


@pytest.mark.fault(23, "the web process dies at a step of the upload")
@pytest.mark.parametrize(
    ("call", "number", "folder"),
    [
        pytest.param("fsync", 1, "staging", id="before the bytes are durable"),
        pytest.param("rename", 1, "staging", id="before they have their name"),
        pytest.param("fsync", 3, "files", id="before their name is durable"),
    ],
)
def test_a_process_that_dies_at_a_step_leaves_no_row_and_a_retry_settles_it(  # noqa: PLR0917
    own_web: Web,
    token: str,
    storage: Path,
    tmp_path: Path,
    wait: Wait,
    report: Report,
    call: str,
    number: int,
    folder: str,
) -> None:
    web = own_web
    (worker,) = web.workers()
    with (
        injected(worker, call, f"signal=KILL:when={number}", tmp_path),
        pytest.raises(requests.ConnectionError),
    ):
        web.upload(token, LARGE, key=KEY)
    wait_until(lambda: web.workers() not in ({worker}, set()), 30, "it is replaced")
    wait_until(web.is_up, 60, "it serves again")
    assert File.objects.count() == 0
    (left,) = kept_files(storage)
    assert left.relative_to(storage).parts[0] == folder

    assert web.upload(token, LARGE, key=KEY).status_code == 409, "its lease still runs"
    lapse()
    retry = web.upload(token, LARGE, key=KEY)

    assert retry.status_code == 201
    wait(HOUR_SECONDS)
    assert sweep_once() >= 1
    assert [path.name for path in kept_files(storage)] == [File.objects.get().id.hex]
    report(saw=LOST, left="bytes and a claimed key", repaired=AFTER_AN_HOUR)


@pytest.mark.fault(39, "the disk fails where an upload is made durable")
@pytest.mark.parametrize(
    ("call", "code", "answered"),
    [
        ("fsync", "EIO", (503, "storage_unavailable")),
        ("rename", "EIO", (503, "storage_unavailable")),
        ("rename", "ENOSPC", (507, "storage_full")),
    ],
)
def test_a_disk_that_fails_refuses_the_upload_and_is_asked_once(  # noqa: PLR0917
    web: Web,
    token: str,
    storage: Path,
    tmp_path: Path,
    report: Report,
    call: str,
    code: str,
    answered: tuple[int, str],
) -> None:
    (worker,) = web.workers()
    with injected(worker, call, f"error={code}", tmp_path) as made:
        answer = web.upload(token, key=KEY)
        calls = made.read_text()

    assert (answer.status_code, answer.json()["code"]) == answered
    assert calls.count("INJECTED") == 1, calls
    assert_nothing_kept(storage)
    assert web.upload(token, key=KEY).status_code == 201, "the key is free, the disk is well"
    report(saw=answer, left="nothing", repaired=BY_RETRY)


@pytest.fixture
def small_spool(tmp_path: Path) -> Iterator[Path]:
    """Little room for the bodies the edge holds back."""
    folder = tmp_path / "spool"
    folder.mkdir(mode=0o777)
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=0777", "tmpfs", str(folder)]
    told = subprocess.run(mount, capture_output=True, text=True, check=False)
    if told.returncode:
        pytest.skip(f"cannot mount a file system here: {told.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.fault(38, "the edge has no room for a body")
def test_an_edge_without_room_answers_with_the_problem(
    web: Web, token: str, storage: Path, small_spool: Path, report: Report
) -> None:
    with edge(web.port, body_folder=small_spool) as port:
        answer = upload_to(f"http://127.0.0.1:{port}", token, LARGE)
        assert upload_to(f"http://127.0.0.1:{port}", token).status_code == 201, "it fits"

    told: dict[str, Any] = answer.json()
    assert (answer.status_code, told["code"]) == (500, "internal_error")
    assert answer.headers["X-Request-ID"] == told["request_id"]
    assert File.objects.count() == len(kept_files(storage)) == 1
    report(saw=answer, left="nothing", repaired=WHEN_OVER)
