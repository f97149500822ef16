"""A worker whose connection comes and goes, or that is stopped in haste: it works again."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from filesvc.claims import from_now
from filesvc.models import File
from filesvc.sweeper import sweep_once
from tests.faults.conftest import Client
from tests.faults.living import are_final, assert_kept
from tests.faults.proxy import BLACKHOLE, RESET, ChaosProxy, Toxic
from tests.faults.redis_faults import SOCKET
from tests.faults.report import BY_LEASE, Report
from tests.faults.test_doorbell import LONG_AGO, doorbell
from tests.faults.test_worker import SLOW, is_claimed, upload, wait_for_pool
from tests.faults.waiting import sweep_until_processed
from tests.filesvc.conftest import Doorbell
from tests.filesvc.processes import running_worker
from tests.process_tree import kill_session
from tests.stack import wait_until

__all__ = ["doorbell"]
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow_fault,
    pytest.mark.usefixtures("doorbell"),
]

AGAIN_SECONDS = 60.0
FLAPS = 10
WAITING = 20
GRACE_SECONDS = 10.0


@contextlib.contextmanager
def worker_behind_proxy(
    client: Client,
) -> Iterator[tuple[ChaosProxy, subprocess.Popen[bytes]]]:
    """Its connection goes through a proxy; that of whoever uploads does not."""
    with ChaosProxy(SOCKET) as proxy:
        address = f"redis://127.0.0.1:{proxy.port}/0"
        with running_worker(client.storage, BROKER_URL=address) as worker:
            wait_for_pool(worker)
            upload(client, b"a first one")
            wait_until(are_final, AGAIN_SECONDS, "it listens")
            yield proxy, worker


def strike(proxy: ChaosProxy, toxic: Toxic) -> None:
    """Once, as soon as the worker says something."""
    with proxy.spoiled(toxic):
        wait_until(proxy.struck.is_set, 60, "the worker has met it")


@pytest.mark.parametrize(
    ("toxic", "times"),
    [
        pytest.param(
            RESET, FLAPS, marks=pytest.mark.fault(11, "the worker's connection breaks ten times")
        ),
        pytest.param(
            BLACKHOLE, 2, marks=pytest.mark.fault(12, "the worker's connection is half open")
        ),
    ],
)
def test_a_worker_whose_connection_was_bad_works_again_within_a_minute(
    client: Client, report: Report, toxic: Toxic, times: int
) -> None:
    with contextlib.ExitStack() as workers:
        proxy, worker = workers.enter_context(worker_behind_proxy(client))
        for _ in range(times):
            strike(proxy, toxic)
        file = upload(client, b"after it all")

        def is_done() -> bool:
            nonlocal worker
            if worker.poll() is not None:  # as its supervisor would
                assert worker.poll() == os.EX_TEMPFAIL, "it has ended for a reason"
                worker = workers.enter_context(running_worker(client.storage))
            # A message that went into the bad connection is the sweeper's to repeat.
            File.objects.filter(notified_at__lt=from_now(-10)).update(notified_at=LONG_AGO)
            sweep_once()
            return are_final()

        wait_until(is_done, AGAIN_SECONDS, "it listens again")

    file.refresh_from_db()
    assert (file.processed, file.attempts) == (True, 1)
    assert_kept({str(file.id): b"after it all"})
    report(saw="201", left="row and bytes", repaired="the worker connects or starts anew, in 60 s")


@pytest.mark.fault(20, "a worker with twenty files waiting is stopped in haste")
def test_a_worker_that_is_stopped_in_haste_keeps_nothing_for_itself(
    client: Client, doorbell: Doorbell, monkeypatch: pytest.MonkeyPatch, report: Report
) -> None:
    with running_worker(client.storage, SLOW, concurrency=2) as worker:
        wait_for_pool(worker, 2)
        long = [upload(client, b"dawdle 600\n") for _ in range(2)]
        wait_until(lambda: all(is_claimed(file) for file in long), 60, "both are at work")
        ledger = {str(upload(client, content).id): content for content in contents()}
        worker.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            worker.wait(timeout=GRACE_SECONDS)
        kill_session(worker)
    assert File.objects.filter(status="processing").count() == 2
    assert File.objects.filter(status="queued").count() == WAITING
    File.objects.filter(status="processing").update(lease_until=from_now(-1))

    with running_worker(client.storage, concurrency=2):
        sweep_until_processed(monkeypatch)

    assert_kept(ledger)
    assert set(File.objects.values_list("attempts", flat=True)) == {1, 2}
    report(saw="201", left="two claims; a message or two that nobody has", repaired=BY_LEASE)


def contents() -> list[bytes]:
    return [f"waiting {number}\n".encode() for number in range(WAITING)]
