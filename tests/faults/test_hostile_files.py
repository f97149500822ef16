"""Files that kill, starve or hold up whoever reads them, among ordinary ones, in a real worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from filesvc.models import File
from tests.client import call, upload
from tests.faults.report import Report
from tests.filesvc.conftest import Doorbell, closed_breaker, doorbell
from tests.filesvc.processes import running_worker
from tests.stack import wait_until

__all__ = ["closed_breaker", "doorbell"]
pytestmark = pytest.mark.django_db(transaction=True)

TIMEOUT_SECONDS = 3.0
ENDS = {
    "segfault": ("failed", "processing_failed", 5),
    "hoard": ("failed", "processing_failed", 5),
    "exit": ("failed", "processing_failed", 5),
    "sleep": ("failed", "processing_timeout", 1),
    "loop": ("failed", "processing_timeout", 1),
    "crash": ("failed", "processing_failed", 1),
    "refuse": ("quarantined", "active_content", 1),
}
ORDINARY = ("processed", None, 1)


def send(token: str, text: str) -> str:
    """The id of the file with this text."""
    answer = upload(token, text.encode())
    assert answer.status == 201, answer.body
    file_id: str = answer.json["id"]
    return file_id


def end_of(token: str, file_id: str) -> tuple[str, str | None, int]:
    told = call("GET", f"/files/{file_id}/", token=token).json
    return told["status"], told["failure"] and told["failure"]["code"], told["attempts"]


def are_all_final() -> bool:
    return not File.objects.filter(status__in=["queued", "processing"]).exists()


def stats() -> Iterator[tuple[int, list[str]]]:
    """Each process with its state, parent, group and session, as the kernel tells them."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                status = (folder / "stat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            yield int(folder.name), status.rpartition(")")[2].split()[:4]


def children_of(parent: int) -> set[int]:
    return {pid for pid, (_, its_parent, _, _) in stats() if int(its_parent) == parent}


def session_of(leader: int) -> list[int]:
    """Whatever of it still runs."""
    return [pid for pid, (state, *_, session) in stats() if int(session) == leader and state != "Z"]


def is_overtaken(slow: str, later: list[str]) -> bool:
    """One that waited behind it was done before it was."""
    failure = File.objects.get(id=slow).failure or {}
    return File.objects.filter(id__in=later, processed_at__lt=failure["occurred_at"]).exists()


@pytest.mark.fault(17, "files that kill, exhaust or stop the process that reads them")
@pytest.mark.fault(18, "a file takes all memory of the process that reads it")
def test_hostile_files_end_and_ordinary_ones_are_processed_meanwhile(
    token: str, storage: Path, doorbell: Doorbell, report: Report
) -> None:
    hostile: dict[str, str] = {}
    ordinary: dict[str, list[str]] = {}
    for behaviour in ENDS:
        hostile[behaviour] = send(token, behaviour)
        ordinary[behaviour] = [send(token, f"after {behaviour} {copy}") for copy in range(3)]
    with running_worker(
        storage,
        "tests.faults.odd_worker",
        concurrency=2,
        PROCESSING_TIMEOUT_SECONDS=str(TIMEOUT_SECONDS),
    ) as worker:
        wait_until(lambda: len(children_of(worker.pid)) == 2, 60, "the pool is there")
        pool = children_of(worker.pid)
        wait_until(are_all_final, 120, "every file is in a final state")

        assert {behaviour: end_of(token, hostile[behaviour]) for behaviour in ENDS} == ENDS
        for file_ids in ordinary.values():
            assert [end_of(token, file_id) for file_id in file_ids] == [ORDINARY] * 3
        assert is_overtaken(hostile["sleep"], ordinary["sleep"])
        last = send(token, "one more")
        wait_until(are_all_final, 30, "the worker still works")
        assert end_of(token, last) == ORDINARY
        assert (worker.poll(), children_of(worker.pid)) == (None, pool)

    wait_until(lambda: session_of(worker.pid) == [], 10, "nothing of the worker is left")
    assert worker.returncode == 0
    report(
        saw="201, then `failed` or `quarantined`",
        left="the confined process is replaced",
        repaired="tried again at once, five times at most",
    )
