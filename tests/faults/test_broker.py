"""Whatever becomes of the broker: uploads are accepted in time and, once it is over, processed."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from config.celery import app
from filesvc import tasks
from filesvc.models import File
from security.circuit_breaker import CircuitBreaker
from tests import stack
from tests.client import call
from tests.faults.conftest import Client, failing
from tests.faults.living import are_final, assert_kept
from tests.faults.proxy import BLACKHOLE, ChaosProxy, Toxic
from tests.faults.redis_faults import SOCKET, logged
from tests.faults.report import BY_RING, NOTHING, WHEN_OVER, Report
from tests.faults.test_doorbell import LONG_AGO, broker
from tests.faults.test_redis import broker_check
from tests.filesvc.conftest import Doorbell
from tests.filesvc.processes import running_worker
from tests.filesvc.repairs.repairing import run_repair
from tests.stack import Server, wait_until

__all__ = ["broker"]
pytestmark = pytest.mark.django_db(transaction=True)

ADDED_SECONDS = 1.0  # what a broker may add to the first upload that meets its fault
LATER_SECONDS = 4.0  # a few uploads as a whole, on a busy machine
FILLER_BYTES = 64 * 1024
SMALL_BYTES = 3 * 1024 * 1024


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


def upload_some(client: Client, first: int = 0) -> dict[str, bytes]:
    """Three uploads; the content of each by its id."""
    ledger = {}
    for number in range(first, first + 3):
        content = f"line {number}\n".encode()
        answer = client.upload(content)
        assert answer.status == 201, answer.body
        ledger[answer.json["id"]] = content
    return ledger


def sweep_until_processed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a minute has gone by for what waits; the rest is done by sweeper and worker."""
    File.objects.exclude(status="processed").update(notified_at=LONG_AGO)

    def is_done() -> bool:
        # The rest after a failed ring is over, however short this took.
        monkeypatch.setattr(tasks, "_doorbell_breaker", CircuitBreaker(0.5))
        run_repair("ring_again")
        return are_final()

    wait_until(is_done, 60, "every file is processed")
    assert set(File.objects.values_list("processed", flat=True)) == {True}


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
    report(saw="201, at most 1 s later, once", left="row and bytes; nobody was rung", repaired=BY_RING)


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


# --- while files wait --------------------------------------------------------------------


def lose_everything(memory: Any) -> None:
    stack.SERVERS["redis"].kill()
    stack.SERVERS["redis"].start()


def flush(memory: Any) -> None:
    memory.flushall()


def evict(memory: Any) -> None:
    """A full memory with the wrong policy throws the queue away."""
    memory.config_set("maxmemory-policy", "allkeys-lru")
    memory.config_set("maxmemory", SMALL_BYTES)
    try:
        number = 0
        while memory.exists("celery"):
            number += 1
            memory.set(f"filler-{number}", bytes(FILLER_BYTES))
    finally:
        memory.config_set("maxmemory", 0)
        memory.config_set("maxmemory-policy", "noeviction")


@pytest.mark.parametrize(
    "lose",
    [
        pytest.param(
            lose_everything, marks=pytest.mark.fault(7, "the broker restarts and has kept nothing")
        ),
        pytest.param(flush, marks=pytest.mark.fault(8, "the broker is flushed")),
        pytest.param(evict, marks=pytest.mark.fault(8, "the broker evicts the queue")),
    ],
)
def test_a_queue_that_is_lost_loses_no_file(
    request: pytest.FixtureRequest,
    client: Client,
    doorbell: Doorbell,
    monkeypatch: pytest.MonkeyPatch,
    report: Report,
    lose: Callable[[Any], None],
) -> None:
    ledger = upload_some(client)
    assert len(doorbell.rung_for()) == 3
    with redis.Redis(unix_socket_path=SOCKET, db=0) as memory:
        lose(memory)
    assert doorbell.rung_for() == []

    with running_worker(client.storage):
        sweep_until_processed(monkeypatch)

    assert_kept(ledger)
    report(saw="201", left="row and bytes; the queue is empty", repaired=BY_RING)


# --- a broker that takes no writes -------------------------------------------------------


@pytest.fixture
def separate(tmp_path: Path, settings: Any) -> Iterator[tuple[Any, Path]]:
    """A Redis of its own for doorbell and limiter, which a test may ruin."""
    folder, path = tmp_path / "redis", stack.RUN_DIR / "separate.sock"
    folder.mkdir()
    command = ["redis-server", "--port", "0", "--unixsocket", str(path), "--dir", str(folder)]
    server = Server(
        "redis-separate",
        [*command, "--save", "3600 1000000"],
        lambda: stack.answers(path, b"PING\r\n", b"+PONG"),
    )
    server.start()
    before = app.conf.broker_url
    app.conf.update(broker_url=f"redis+socket://{path}?virtual_host=0")
    app._after_fork()  # type: ignore[attr-defined]  # forget the pools of the old address
    address = settings.CACHES["default"] | {"LOCATION": f"unix://{path}?db=1"}
    settings.CACHES = {"default": address}
    with redis.Redis(unix_socket_path=str(path)) as memory:
        yield memory, folder
    app.pool.force_close_all()  # type: ignore[attr-defined]
    app.conf.update(broker_url=before)
    app._after_fork()  # type: ignore[attr-defined]
    server.stop()


@contextlib.contextmanager
def out_of_memory(memory: Any, folder: Path) -> Iterator[None]:
    memory.config_set("maxmemory", 1)
    yield
    memory.config_set("maxmemory", 0)


@contextlib.contextmanager
def without_its_folder(memory: Any, folder: Path) -> Iterator[None]:
    """A snapshot that failed: it refuses every write (MISCONF)."""
    folder.rmdir()
    memory.bgsave()
    wait_until(
        lambda: memory.info("persistence")["rdb_last_bgsave_status"] == "err", 20, "it has failed"
    )
    yield
    folder.mkdir()
    memory.bgsave()
    wait_until(
        lambda: memory.info("persistence")["rdb_last_bgsave_status"] == "ok", 20, "it is saved"
    )


@pytest.mark.slow_fault
@pytest.mark.parametrize(
    "ruin",
    [
        pytest.param(out_of_memory, marks=pytest.mark.fault(9, "the broker is out of memory")),
        pytest.param(
            without_its_folder, marks=pytest.mark.fault(10, "the broker refuses every write")
        ),
    ],
)
def test_a_broker_that_takes_no_writes_refuses_no_upload_and_is_told_of(
    separate: tuple[Any, Path],
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    report: Report,
    ruin: Callable[..., contextlib.AbstractContextManager[None]],
) -> None:
    memory, folder = separate
    with ruin(memory, folder):
        ledger = upload_some(client)
        assert failing() == []
        assert broker_check()["ok"] is False

    assert sorted(logged(client.log_events, "warning", "error")) == [
        "doorbell.failed",
        "rate_limit.fell_back",
    ]
    assert broker_check()["ok"] is True
    address = f"redis+socket://{stack.RUN_DIR}/separate.sock?virtual_host=0"
    with running_worker(client.storage, BROKER_URL=address):
        sweep_until_processed(monkeypatch)
    assert_kept(ledger)
    report(saw="201", left="row and bytes; readiness tells of the broker", repaired=BY_RING)
