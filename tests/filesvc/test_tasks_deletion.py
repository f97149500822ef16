"""A file that is deleted on its way: its work ends without a fault, and nothing of it is left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from errors import catalogue
from filesvc import processing, tasks
from filesvc.models import File
from filesvc.processing import process
from filesvc.sandbox import Answer, ProcessorDied, Report
from filesvc.tasks import process_file
from tests.client import call, upload
from tests.conftest import assert_nothing_kept
from tests.faults.living import are_final
from tests.filesvc.claiming import lapse
from tests.filesvc.conftest import Doorbell, MakeFile
from tests.filesvc.processes import running_worker
from tests.filesvc.test_tasks_outcome import PICTURED, Describe, describe
from tests.stack import wait_until

__all__ = ["describe"]
pytestmark = pytest.mark.django_db

Events = list[dict[str, Any]]
QUIET = ("info", "debug")
ENDS: dict[str, Answer | Exception] = {
    "described, with a picture": PICTURED,
    "refused": Answer({"kind": "text"}, None, catalogue.ActiveContent()),
    "corrupt": catalogue.CorruptContent(),
    "in need of a store that is away": catalogue.StorageUnavailable(),
    "the death of its reader": ProcessorDied("exit status -9"),
}


def delete(token: str, file: File) -> None:
    assert call("DELETE", file.path, token=token).status == 204


def assert_quiet(events: Events) -> None:
    """Nobody has to look into it."""
    assert [event for event in events if event["level"] not in QUIET] == []


@pytest.mark.django_db(transaction=True)
def test_a_file_deleted_while_it_waits_is_not_worked_on(
    token: str, storage: Path, doorbell: Doorbell, log_events: Events
) -> None:
    file_id = upload(token, b"hello").json["id"]
    rung = doorbell.rung_for()
    call("DELETE", f"/files/{file_id}/", token=token)

    process_file(str(rung[0]))

    assert [str(one) for one in rung] == [file_id]
    assert_nothing_kept(storage)
    assert_quiet(log_events)


def test_a_file_deleted_before_its_bytes_are_read_ends_quietly(  # noqa: PLR0917
    token: str,
    make_file: MakeFile,
    storage: Path,
    doorbell: Doorbell,
    log_events: Events,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = make_file()

    def deleted_first(held: Any) -> Answer:
        delete(token, file)
        return process(held)

    monkeypatch.setattr(tasks, "process", deleted_first)
    process_file(str(file.id))

    assert_over(storage, doorbell, log_events)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("attempts", [0, 4])
def test_a_file_deleted_while_it_is_worked_on_ends_quietly(  # noqa: PLR0917
    token: str,
    make_file: MakeFile,
    describe: Describe,
    storage: Path,
    doorbell: Doorbell,
    log_events: Events,
    end: str,
    attempts: int,
) -> None:
    file, outcome = make_file(attempts=attempts), ENDS[end]

    def be_deleted(report: Report) -> Answer:
        delete(token, file)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    describe(be_deleted)
    process_file(str(file.id))

    assert_over(storage, doorbell, log_events)


def assert_over(storage: Path, doorbell: Doorbell, events: Events) -> None:
    """Nothing is kept, nobody is rung for, and one line tells of it."""
    assert_nothing_kept(storage)
    assert doorbell.rung_for() == []
    assert_quiet(events)
    assert [event["event"] for event in events] == ["file.deleted", "claim.dropped"]


@pytest.mark.parametrize("is_deleted", [True, False])
def test_work_that_counts_for_nothing_ends_at_its_next_report(
    token: str,
    make_file: MakeFile,
    describe: Describe,
    monkeypatch: pytest.MonkeyPatch,
    log_events: Events,
    *,
    is_deleted: bool,
) -> None:
    monkeypatch.setattr(processing.reporter, "__defaults__", (0.0,))
    file, went_on = make_file(), []

    def be_stopped(report: Report) -> Answer:
        if is_deleted:
            delete(token, file)
        else:
            lapse(file)
            describe(lambda _: PICTURED)
            process_file(str(file.id))  # the successor
        report("reading", 40)
        went_on.append(True)
        return PICTURED

    describe(be_stopped)
    process_file(str(file.id))

    assert went_on == []
    assert log_events[-1]["event"] == ("claim.dropped" if is_deleted else "claim.lost")


@pytest.mark.django_db(transaction=True)
def test_a_real_worker_goes_on_after_files_that_were_deleted_under_it(
    token: str, storage: Path, doorbell: Doorbell
) -> None:
    def is_worked_on(file_id: str) -> bool:
        return bool(File.objects.filter(id=file_id, status="processing").exists())

    with running_worker(storage, "tests.faults.slow_worker"):
        worked_on = upload(token, b"dawdle 3\n").json["id"]
        wait_until(lambda: is_worked_on(worked_on), 60, "it is worked on")
        waiting = upload(token, b"waiting\n").json["id"]
        for file_id in (worked_on, waiting):
            assert call("DELETE", f"/files/{file_id}/", token=token).status == 204
        assert_nothing_kept(storage)
        after = upload(token, b"after\n").json["id"]
        wait_until(are_final, 60, "the next one is done")

    assert File.objects.get().processed
    assert str(File.objects.get().id) == after
    log = (storage.parent / "worker.log").read_text()
    assert "claim.dropped" in log
    assert not [line for line in log.splitlines() if '"warning"' in line or '"error"' in line]
    assert not [path for path in (storage / "previews").rglob("*") if path.is_file()]
