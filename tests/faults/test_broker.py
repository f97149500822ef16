"""Whatever becomes of the broker: uploads are accepted in time and, once it is over, processed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from filesvc.models import File
from tests import stack
from tests.faults.conftest import Client, failing
from tests.faults.living import assert_kept
from tests.faults.proxy import BLACKHOLE, ChaosProxy, Toxic
from tests.faults.redis_faults import SOCKET, logged
from tests.faults.report import BY_RING, NOTHING, Report
from tests.faults.test_doorbell import broker
from tests.faults.waiting import sweep_until_processed, upload_some
from tests.filesvc.conftest import Doorbell
from tests.filesvc.processes import running_worker

__all__ = ["broker"]
pytestmark = pytest.mark.django_db(transaction=True)

LATER_SECONDS = 4.0  # a few uploads as a whole, on a busy machine


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store for the worker of all these tests."""
    return tmp_path_factory.mktemp("broker") / "storage"


@pytest.fixture(autouse=True)
def storage(store: Path, settings: Any) -> Path:
    """In the place of a store for each test."""
    from filesvc.blobs import prepare_storage

    settings.STORAGE_ROOT = store
    prepare_storage()
    return store


@pytest.fixture(scope="module")
def worker(store: Path, django_db_setup: None) -> Iterator[None]:
    """One real worker, which lives through every fault."""
    with running_worker(store):
        yield


@pytest.fixture
def doorbell() -> Iterator[Doorbell]:
    """An empty queue."""
    with redis.Redis(unix_socket_path=SOCKET, db=0) as client:
        client.flushall()
        yield Doorbell(client)


# --- while uploads come in ---------------------------------------------------------------


@contextlib.contextmanager
def blackholed(request: pytest.FixtureRequest) -> Iterator[None]:
    """Packets go in and nothing comes out, on a connection that was good."""
    with request.getfixturevalue("broker").spoiled(BLACKHOLE):
        yield


BROKER = {
    "refuses": lambda request: stack.SERVERS["redis"].stopped(),
    "hangs": lambda request: stack.SERVERS["redis"].frozen(),
    "blackhole": blackholed,
}


@pytest.mark.usefixtures("doorbell", "worker")
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param("refuses", marks=pytest.mark.fault(1, "the broker refuses during uploads")),
        pytest.param("hangs", marks=pytest.mark.fault(2, "the broker accepts and never answers")),
        pytest.param("blackhole", marks=pytest.mark.fault(3, "the broker's network swallows all")),
    ],
)
def test_a_broker_that_fails_during_uploads_costs_a_second_once_and_no_file(
    request: pytest.FixtureRequest,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    report: Report,
    fault: str,
) -> None:
    if fault == "blackhole":
        request.getfixturevalue("broker")
    ledger = upload_some(client)
    client.log_events.clear()

    with BROKER[fault](request):
        started = time.monotonic()
        ledger |= upload_some(client, first=3)
        took = time.monotonic() - started
        assert failing() == []
        rings_failed = logged(client.log_events, "warning").count("doorbell.failed")

    assert took < LATER_SECONDS
    assert rings_failed == 1, "the breaker spared the others the wait"
    sweep_until_processed(monkeypatch)
    assert_kept(ledger)
    assert set(File.objects.values_list("attempts", flat=True)) == {1}
    report(
        saw="201; one of them waits for a time-out",
        left="row and bytes; nobody was rung",
        repaired=BY_RING,
    )


@pytest.mark.fault(4, "the broker hears the ring, its reply is lost")
@pytest.mark.usefixtures("worker")
def test_a_ring_that_was_heard_twice_has_one_effect(
    broker: ChaosProxy, client: Client, monkeypatch: pytest.MonkeyPatch, report: Report
) -> None:
    with broker.spoiled(Toxic("lose_reply", once_seen=b"LPUSH")):
        ledger = upload_some(client)

    assert broker.struck.is_set()
    sweep_until_processed(monkeypatch)
    assert_kept(ledger)
    assert set(File.objects.values_list("attempts", "fence")) == {(1, 1)}
    report(saw="201", left="row, bytes and a second ring", repaired=NOTHING)
