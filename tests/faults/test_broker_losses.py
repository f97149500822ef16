"""A broker that loses its queue, or takes no writes: no file is lost and no upload refused."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from config.celery import app
from tests import stack
from tests.faults.conftest import Client, failing
from tests.faults.living import assert_kept
from tests.faults.redis_faults import SOCKET, logged
from tests.faults.report import BY_RING, Report
from tests.faults.test_doorbell import doorbell
from tests.faults.test_redis import broker_check
from tests.faults.waiting import sweep_until_processed, upload_some
from tests.filesvc.conftest import Doorbell
from tests.filesvc.processes import running_worker
from tests.stack import Server, wait_until

__all__ = ["doorbell"]
pytestmark = pytest.mark.django_db(transaction=True)

FILLER_BYTES = 64 * 1024
SMALL_BYTES = 3 * 1024 * 1024


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
    # The pools of connections remember an address and that they were closed: each has its own.
    folder, path = tmp_path / "redis", stack.RUN_DIR / f"redis-{uuid.uuid4().hex[:8]}.sock"
    folder.mkdir()
    command = ["redis-server", "--port", "0", "--unixsocket", str(path), "--dir", str(folder)]
    server = Server(
        "redis-separate",
        [*command, "--save", "3600 1000000"],
        lambda: stack.answers(path, b"PING\r\n", b"+PONG"),
    )
    server.start()
    before = app.conf.broker_url
    settings.BROKER_URL = f"redis+socket://{path}?virtual_host=0"
    app.conf.update(broker_url=settings.BROKER_URL)
    app._after_fork()  # type: ignore[attr-defined]  # forget the pools of the old address
    address = settings.CACHES["default"] | {"LOCATION": f"unix://{path}?db=1"}
    settings.CACHES = {"default": address}
    with redis.Redis(unix_socket_path=str(path)) as memory:
        yield memory, folder
    app.pool.force_close_all()  # type: ignore[attr-defined]  # inside the library
    app.conf.update(broker_url=before)
    app._after_fork()  # type: ignore[attr-defined]  # inside the library
    server.stop()


@contextlib.contextmanager
def out_of_memory(memory: Any, folder: Path) -> Iterator[None]:
    memory.config_set("maxmemory", 1)
    yield
    memory.config_set("maxmemory", 0)


@contextlib.contextmanager
def unable_to_save(memory: Any, folder: Path) -> Iterator[None]:
    """A snapshot failed: from then on every write is refused (MISCONF)."""
    in_its_way = folder / "dump.rdb"
    in_its_way.mkdir()
    save(memory, "err")
    yield
    in_its_way.rmdir()
    save(memory, "ok")


def save(memory: Any, expected: str) -> None:
    memory.bgsave()
    wait_until(
        lambda: memory.info("persistence")["rdb_last_bgsave_status"] == expected, 20, expected
    )


@pytest.mark.slow_fault
@pytest.mark.parametrize(
    "ruin",
    [
        pytest.param(out_of_memory, marks=pytest.mark.fault(9, "the broker is out of memory")),
        pytest.param(unable_to_save, marks=pytest.mark.fault(10, "the broker refuses every write")),
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
    with running_worker(client.storage, BROKER_URL=app.conf.broker_url):
        sweep_until_processed(monkeypatch)
    assert_kept(ledger)
    report(saw="201", left="row and bytes; readiness tells of the broker", repaired=BY_RING)
