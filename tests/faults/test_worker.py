"""A worker that is frozen, killed or overtaken at any moment: one effect, and nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from filesvc.models import File
from filesvc.sweeper import sweep_once
from filesvc.tasks import process_file, ring_doorbell
from tests.faults.conftest import Client
from tests.faults.living import are_final, assert_kept
from tests.faults.report import BY_LEASE, BY_RING, NOTHING, Report
from tests.faults.test_doorbell import doorbell
from tests.faults.waiting import sweep_until_processed
from tests.filesvc.conftest import Doorbell
from tests.filesvc.processes import running_worker
from tests.process_tree import children_of, command_of, kill_session, session_of
from tests.stack import wait_until

__all__ = ["doorbell"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("doorbell")]

SLOW = "tests.faults.slow_worker"
DAWDLE = b"dawdle 2\n"
FOR_EVER = b"dawdle 600 deaf\n"


def upload(client: Client, content: bytes) -> File:
    """The row of a file with this content."""
    answer = client.upload(content)
    assert answer.status == 201, answer.body
    file: File = File.objects.get(id=answer.json["id"])
    return file


def is_claimed(file: File, attempts: int = 1) -> bool:
    """Somebody works on it, in this try."""
    file.refresh_from_db()
    return (file.status, file.attempts) == ("processing", attempts)


def lapse(file: File) -> None:
    """Its lease has run out, and half a minute has gone by."""
    past = timezone.now() - timedelta(seconds=31)
    File.objects.filter(id=file.id).update(lease_until=past, notified_at=past)


def log_of(client: Client) -> str:
    """What the worker has written."""
    return (client.storage.parent / "worker.log").read_text()


def wait_for_pool(worker: subprocess.Popen[bytes], size: int = 1) -> set[int]:
    """The ids of its processes that work."""
    wait_until(lambda: len(pool_of(worker)) == size, 60, "the pool is there")
    return pool_of(worker)


def pool_of(worker: subprocess.Popen[bytes]) -> set[int]:
    """Its processes that work; while it starts, it also asks where libraries are."""
    return {pid for pid in children_of(worker.pid) if b"celery" in command_of(pid)}


def wait_until_listening(client: Client, worker: subprocess.Popen[bytes]) -> None:
    """It has processed a file."""
    wait_for_pool(worker)
    upload(client, b"a first one")
    wait_until(are_final, 60, "it listens")
    client.forget()


def is_taken(file: File, worker: subprocess.Popen[bytes], doorbell: Doorbell) -> bool:
    """Ring for it while the worker asks for a message and cannot take note of one."""
    os.kill(worker.pid, signal.SIGCONT)
    wait_until(lambda: doorbell.client.info("clients")["blocked_clients"] > 0, 20, "it asks")
    os.kill(worker.pid, signal.SIGSTOP)
    assert ring_doorbell(file.id)
    was_taken = not doorbell.rung_for()
    doorbell.client.delete("celery")
    return was_taken


# --- C5: taken from the queue, and noted by nobody ----------------------------------------


@pytest.mark.fault(6, "the worker dies between taking a message and noting it")
def test_a_message_that_was_taken_and_never_noted_is_sent_again(
    client: Client, doorbell: Doorbell, monkeypatch: pytest.MonkeyPatch, report: Report
) -> None:
    with running_worker(client.storage) as worker:
        wait_until_listening(client, worker)
        with monkeypatch.context() as unrung:
            unrung.setattr("filesvc.storage.ring_doorbell", lambda file_id: False)
            file = upload(client, b"hello")
        wait_until(lambda: is_taken(file, worker, doorbell), 60, "the frozen worker has it")
        kill_session(worker)

    file.refresh_from_db()
    assert (file.status, file.attempts) == ("queued", 0)
    assert doorbell.rung_for() == []
    assert doorbell.client.hlen("unacked") == 0, "the broker has forgotten it"
    with running_worker(client.storage):
        sweep_until_processed(monkeypatch)
    assert_kept({str(file.id): b"hello"})
    report(saw="201", left="row and bytes; the message is lost", repaired=BY_RING)


# --- delivered too often -----------------------------------------------------------------


@pytest.mark.fault(13, "a task takes longer than the broker waits")
def test_a_copy_of_a_task_that_still_runs_does_nothing(client: Client, report: Report) -> None:
    impatient = {
        "visibility_timeout": 1,
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
    }
    told = {"SLOW_WORKER": json.dumps(impatient), "LOG_LEVEL": "DEBUG"}
    file = upload(client, b"dawdle 6\n")
    with running_worker(client.storage, SLOW, concurrency=2, **told):
        wait_until(lambda: "claim.refused" in log_of(client), 60, "a copy is delivered")
        assert is_claimed(file), "the first still works"
        wait_until(are_final, 60, "it is done")

    file.refresh_from_db()
    assert (file.processed, file.attempts, file.fence) == (True, 1, 1)
    report(saw="201", left="a second message", repaired=NOTHING)


@pytest.mark.fault(14, "one message is delivered five times")
def test_five_deliveries_have_one_effect(
    client: Client, doorbell: Doorbell, report: Report
) -> None:
    file = upload(client, b"hello")
    message = doorbell.client.lindex("celery", 0)
    doorbell.client.lpush("celery", *[message] * 4)
    with running_worker(client.storage, concurrency=2, LOG_LEVEL="DEBUG"):
        wait_until(lambda: log_of(client).count("claim.refused") == 4, 60, "all were delivered")

    file.refresh_from_db()
    assert (file.processed, file.attempts, file.fence) == (True, 1, 1)
    assert log_of(client).count("file.processed") == 1
    report(saw="201", left="four messages too many", repaired=NOTHING)


# --- C6: ended in the middle of the work ---------------------------------------------------


@pytest.mark.fault(15, "a worker wakes after another has done its work")
def test_a_worker_that_was_thought_dead_changes_nothing(client: Client, report: Report) -> None:
    with running_worker(client.storage, SLOW) as zombie:
        (process,) = wait_for_pool(zombie)
        file = upload(client, DAWDLE)
        wait_until(lambda: is_claimed(file), 60, "it is claimed")
        os.kill(process, signal.SIGSTOP)
        lapse(file)
        with running_worker(client.storage) as successor:
            wait_for_pool(successor)
            assert sweep_once() == 1, File.objects.values_list(
                "status", "attempts", "failure", "lease_until", "notified_at"
            )
            wait_until(are_final, 60, "the successor has done it")
        before = File.objects.filter(id=file.id).values().get()
        assert (before["processed"], before["attempts"], before["fence"]) == (True, 2, 2)
        os.kill(process, signal.SIGCONT)
        wait_until(lambda: "claim.lost" in log_of(client), 60, "the zombie has finished in vain")

    assert File.objects.filter(id=file.id).values().get() == before
    report(saw="201", left="a claim with an old fence", repaired="refused when it finishes")


@pytest.mark.fault(16, "a worker's process is killed in the middle of its task")
def test_a_task_whose_process_is_killed_is_done_by_the_next(client: Client, report: Report) -> None:
    with running_worker(client.storage, SLOW) as worker:
        (process,) = wait_for_pool(worker)
        file = upload(client, DAWDLE)
        wait_until(lambda: is_claimed(file), 60, "it is claimed")
        os.kill(process, signal.SIGKILL)
        wait_until(lambda: wait_for_pool(worker) != {process}, 60, "it is replaced")
        assert is_claimed(file), "only its lease ends that"
        lapse(file)
        assert sweep_once() == 1
        wait_until(are_final, 60, "it is done")

    file.refresh_from_db()
    assert (file.processed, file.attempts, file.fence) == (True, 2, 2)
    assert_kept({str(file.id): DAWDLE})
    report(saw="201", left="a claim", repaired=BY_LEASE)


@pytest.mark.fault(16, "a whole worker is killed in the middle of its task")
def test_the_task_of_a_killed_worker_is_done_by_another(client: Client, report: Report) -> None:
    with running_worker(client.storage, SLOW) as worker:
        wait_for_pool(worker)
        file = upload(client, DAWDLE)
        wait_until(lambda: is_claimed(file), 60, "it is claimed")
        kill_session(worker)
    assert is_claimed(file)
    lapse(file)

    with running_worker(client.storage, SLOW):
        assert sweep_once() == 1
        wait_until(are_final, 60, "it is done")

    file.refresh_from_db()
    assert (file.processed, file.attempts) == (True, 2)
    report(saw="201", left="a claim", repaired=BY_LEASE)


def kill_each(file: File, worker: subprocess.Popen[bytes], attempt: int) -> None:
    """The process that has it is killed, as the file would do it."""
    wait_until(lambda: is_claimed(file, attempt), 60, "it is claimed")
    before = wait_for_pool(worker)
    os.kill(before.pop(), signal.SIGKILL)


def let_time_out(file: File, worker: subprocess.Popen[bytes], attempt: int) -> None:
    """Celery itself ends the process that has it; whoever rings tells the limit."""
    wait_until(lambda: is_claimed(file, attempt), 60, "it is claimed")
    before = wait_for_pool(worker)
    wait_until(lambda: not before & children_of(worker.pid), 60, "the hard limit has struck")


@pytest.mark.parametrize(
    ("end", "first"),
    [
        pytest.param(
            kill_each, 4, marks=pytest.mark.fault(17, "a file kills every process that reads it")
        ),
        pytest.param(
            let_time_out,
            1,
            marks=[
                pytest.mark.fault(19, "a file holds every process up to the hard limit"),
                pytest.mark.slow_fault,
            ],
        ),
    ],
)
def test_a_file_that_ends_whoever_works_on_it_is_given_up_after_five_tries(
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    report: Report,
    end: Callable[[File, subprocess.Popen[bytes], int], None],
    first: int,
) -> None:
    if end is let_time_out:
        monkeypatch.setattr(process_file, "time_limit", 2)
        monkeypatch.setattr(process_file, "soft_time_limit", 1)
        monkeypatch.setattr(process_file, "_exec_options", None)  # what it has told so far
    with running_worker(client.storage, SLOW) as worker:
        wait_for_pool(worker)
        with monkeypatch.context() as unrung:
            unrung.setattr("filesvc.storage.ring_doorbell", lambda file_id: False)
            poison = upload(client, FOR_EVER)
        File.objects.update(attempts=first - 1)
        lapse(poison)
        assert sweep_once() == 1
        for attempt in range(first, 6):
            end(poison, worker, attempt)
            lapse(poison)
            assert sweep_once() == 1, File.objects.values_list(
                "status", "attempts", "failure", "lease_until", "notified_at"
            )
        poison.refresh_from_db()
        assert (poison.status, poison.attempts) == ("failed", 5)
        assert poison.failure is not None
        assert poison.failure["code"] == "processing_lost"
        ordinary = upload(client, b"hello")
        wait_until(are_final, 60, "the queue flows")

    ordinary.refresh_from_db()
    assert (ordinary.processed, ordinary.attempts) == (True, 1)
    wait_until(lambda: not session_of(worker.pid), 10, "nothing of the worker is left")
    report(
        saw="201, then `failed`, `processing_lost`",
        left="a claim after each try",
        repaired="given up by the sweeper after five tries",
    )
