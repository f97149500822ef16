"""What crashes and slow uploads leave: the right things go, at the right time, by any clock."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from filesvc import claims
from filesvc import storage as product
from filesvc.blobs import blob_path
from filesvc.models import File, Status
from filesvc.repairs import REPAIRS
from filesvc.sandbox import stop_sandbox
from filesvc.sweeper import Rounds, sweep_once
from filesvc.tasks import process_file
from tests import samples, stack
from tests.client import call, file_part, form, post_form, upload
from tests.conftest import assert_nothing_kept, assert_problem, kept_files
from tests.faults.conftest import Client
from tests.faults.living import assert_kept
from tests.faults.report import (
    AFTER_AN_HOUR,
    BY_LEASE,
    BY_RING,
    NOTHING,
    Report,
)
from tests.faults.test_doorbell import doorbell
from tests.faults.waiting import sweep_until_processed
from tests.filesvc.claiming import lapse
from tests.filesvc.conftest import Doorbell, MakeFile, make_file
from tests.filesvc.processes import database_url, running_worker
from tests.filesvc.repairs.test_store import Wait, wait
from tests.model.crash import DELETE_POINTS, run_until

__all__ = ["doorbell", "make_file", "wait"]
pytestmark = pytest.mark.django_db(transaction=True)

ALMOST_SECONDS, HOUR_SECONDS = 59 * 60, 61 * 60
CLOCK = "/usr/lib/*/faketime/libfaketime.so.1"


# --- C3: committed, and nobody rung -------------------------------------------------------


@pytest.mark.fault(5, "the web process dies between commit and ring")
def test_a_file_nobody_was_rung_for_is_found_by_the_sweeper(
    client: Client, doorbell: Doorbell, monkeypatch: pytest.MonkeyPatch, report: Report
) -> None:
    assert run_until("filesvc.storage.ring_doorbell", client.upload)
    file = File.objects.get()
    assert (file.status, doorbell.rung_for()) == ("queued", [])
    assert sweep_once() == 0, "half a minute has to go by"

    with running_worker(client.storage):
        sweep_until_processed(monkeypatch)

    assert_kept({str(file.id): b"hello"})
    report(saw="the connection is lost", left="row and bytes; nobody rung", repaired=BY_RING)


# --- C7: the picture is kept, the file not finished ---------------------------------------


@pytest.mark.fault(23, "a worker dies when the preview is kept and the file not finished")
def test_a_picture_without_its_outcome_is_made_again_and_stands_once(
    token: str, storage: Path, report: Report
) -> None:
    answer = upload(token, samples.image("PNG"), "a.png")
    file = File.objects.get(id=answer.json["id"])
    stop_sandbox()  # a child must not share it
    assert run_until("filesvc.claims.finish", lambda: process_file(str(file.id)))
    assert len(pictures(storage)) == 1
    assert call("GET", f"{file.path}preview/", token=token).status == 409, "it is nobody's yet"
    lapse(file)

    process_file(str(file.id))

    file.refresh_from_db()
    assert (file.processed, file.attempts, file.preview_fence) == (True, 2, 2)
    assert [path.name for path in pictures(storage)] == [f"{file.id.hex}.2"]
    assert call("GET", f"{file.path}preview/", token=token).status == 200
    report(saw="201", left="a claim and a preview under its fence", repaired=BY_LEASE)


def pictures(storage: Path) -> list[Path]:
    return kept_files(storage / "previews")


# --- C8: the row is gone, the bytes are not ------------------------------------------------


@pytest.mark.fault(23, "the web process dies between the row and the bytes of a deletion")
def test_bytes_whose_deletion_was_cut_short_go_after_an_hour(
    token: str, storage: Path, wait: Wait, report: Report
) -> None:
    path = upload(token, b"hello").headers["location"]
    assert run_until(DELETE_POINTS["row_gone"], lambda: call("DELETE", path, token=token))
    assert_problem(call("GET", path, token=token), 404, "not_found")
    assert len(kept_files(storage)) == 1
    wait(HOUR_SECONDS)

    assert sweep_once() == 1

    assert_nothing_kept(storage)
    report(saw="the connection is lost", left="bytes", repaired=AFTER_AN_HOUR)


# --- sweeping while uploads are under way --------------------------------------------------


class Paused:
    """Something that waits in the middle until it is told to go on."""

    def __init__(self, real: Callable[..., Any]) -> None:
        self._real = real
        self.reached, self.go_on = threading.Event(), threading.Event()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.reached.set()
        assert self.go_on.wait(60)
        return self._real(*args, **kwargs)


@pytest.mark.fault(50, "the sweeper runs while an upload is between bytes and row")
def test_bytes_whose_row_is_about_to_come_are_spared(
    token: str, storage: Path, wait: Wait, monkeypatch: pytest.MonkeyPatch, report: Report
) -> None:
    paused = Paused(product._commit)
    monkeypatch.setattr(product, "_commit", paused)
    with ThreadPoolExecutor(1) as thread:
        uploading = thread.submit(upload, token, b"hello")
        assert paused.reached.wait(60)
        wait(ALMOST_SECONDS)
        assert sweep_once() == 0
        paused.go_on.set()
        answer = uploading.result(60)
        thread.submit(connections.close_all).result()

    assert answer.status == 201
    assert_kept({answer.json["id"]: b"hello"})
    report(saw=answer, left="row and bytes", repaired=NOTHING)


@pytest.mark.fault(50, "the sweeper runs while a body still comes in")
def test_a_body_that_takes_its_time_is_spared(
    token: str, storage: Path, wait: Wait, report: Report
) -> None:
    body = form(file_part(b"hello"))
    stream = io.BytesIO(body)
    paused = Paused(stream.read)
    stream.read = paused  # type: ignore[method-assign]  # the last words take their time
    with ThreadPoolExecutor(1) as thread:
        uploading = thread.submit(
            post_form, token, b"", stream=stream, CONTENT_LENGTH=str(len(body))
        )
        assert paused.reached.wait(60)
        wait(ALMOST_SECONDS)
        assert sweep_once() == 0
        paused.go_on.set()
        answer = uploading.result(60)
        thread.submit(connections.close_all).result()

    assert answer.status == 201
    assert_kept({answer.json["id"]: b"hello"})
    report(saw=answer, left="row and bytes", repaired=NOTHING)


# --- a clock that jumps ------------------------------------------------------------------


@pytest.mark.slow_fault
@pytest.mark.fault(47, "the sweeper's clock jumps by hours")
@pytest.mark.parametrize("step_seconds", [-2 * 3600, 2 * 3600])
def test_a_clock_that_jumps_removes_nothing_of_today(
    client: Client, storage: Path, wait: Wait, report: Report, step_seconds: int
) -> None:
    orphan = blob_path(File().id)
    orphan.parent.mkdir(parents=True, exist_ok=True)
    orphan.write_bytes(b"a row may still come")
    steady = [1000.0]
    rounds = Rounds(REPAIRS, clock=lambda: steady[0])
    rounds.sweep()

    wait(step_seconds)
    for _ in range(3):
        rounds.sweep()
        steady[0] += 120  # the clock that cannot be set knows better

    assert orphan.exists()
    report(saw="nothing", left="nothing too many, nothing too few", repaired=NOTHING)


@pytest.mark.slow_fault
@pytest.mark.fault(47, "a worker's clock is wrong by an hour")
@pytest.mark.parametrize("step", ["-1h", "+1h"])
def test_a_worker_with_a_wrong_clock_claims_by_the_database_s(
    client: Client, make_file: MakeFile, report: Report, step: str
) -> None:
    library = next(Path("/").glob(CLOCK.lstrip("/")), None)
    if library is None:
        pytest.skip("libfaketime is not installed")
    held = make_file(b"held by another")
    assert claims.claim(held.id) is not None
    free = make_file(b"hello")
    wrong = {"LD_PRELOAD": str(library), "FAKETIME": step, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    script = (
        "import config.celery, django; django.setup(); from filesvc.tasks import process_file;"
        f"process_file('{held.id}'); process_file('{free.id}')"
    )
    told = {"DATABASE_URL": database_url(), "STORAGE_ROOT": str(client.storage)}
    subprocess.run(
        [sys.executable, "-c", script], env=os.environ | told | wrong, check=True, cwd=stack.ROOT
    )

    held.refresh_from_db()
    free.refresh_from_db()
    assert (held.status, held.attempts) == ("processing", 1), "its lease runs"
    assert (free.processed, free.attempts) == (True, 1)
    report(saw="201", left="row and bytes", repaired=NOTHING)


# --- bytes that change behind their row ----------------------------------------------------

SAMPLED = "the audit reads a sample (20 files in 10 min); until found, the changed bytes are served"


@pytest.mark.slow_fault
@pytest.mark.parametrize(
    ("damage", "code", "told"),
    [
        pytest.param(
            lambda path: path.write_bytes(b"jello"),
            (409, "state_conflict"),
            ("409 `state_conflict`, once found", SAMPLED),
            marks=pytest.mark.fault(40, "the bytes of a processed file change"),
        ),
        pytest.param(
            lambda path: path.unlink(),
            (503, "storage_unavailable"),
            ("503 `storage_unavailable`", "reported by the audit, within a day"),
            marks=pytest.mark.fault(40, "the bytes of a processed file are gone"),
        ),
    ],
)
def test_bytes_that_are_not_the_accepted_ones_are_found_by_the_audit(  # noqa: PLR0917
    token: str,
    make_file: MakeFile,
    log_events: list[dict[str, Any]],
    report: Report,
    damage: Callable[[Path], Any],
    code: tuple[int, str],
    told: tuple[str, str],
) -> None:
    file = make_file(b"hello", status=Status.PROCESSED)
    damage(blob_path(file.id))

    assert sweep_once() == 1

    answer = call("GET", f"{file.path}content/", token=token)
    assert_problem(answer, *code)
    assert [event["level"] for event in log_events].count("error") >= 1
    saw, repaired = told
    report(saw=saw, left="the row, and an alert", repaired=repaired)
