"""Redis as the doorbell: whatever ails it, an upload is accepted and only its processing waits."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import redis
from hypothesis import example, given

from config.celery import app
from filesvc import tasks
from filesvc.models import File, Status
from filesvc.tasks import process_file
from security.circuit_breaker import CircuitBreaker
from tests.faults.conftest import Client
from tests.faults.proxy import ChaosProxy, Toxic
from tests.faults.redis_faults import BOUND_SECONDS, FAULTS, NONSENSE, SOCKET, logged
from tests.filesvc.conftest import Doorbell
from tests.filesvc.repairs.repairing import run_repair

pytestmark = pytest.mark.django_db(transaction=True)

LONG_AGO = "2026-01-01T00:00:00Z"


@pytest.fixture
def doorbell() -> Iterator[Doorbell]:
    """An empty queue, looked at past the proxy."""
    with redis.Redis(unix_socket_path=SOCKET, db=0) as client:
        client.flushdb()
        yield Doorbell(client)


@pytest.fixture
def broker(doorbell: Doorbell) -> Iterator[ChaosProxy]:
    """The doorbell's real Redis behind a proxy."""
    before = app.conf.broker_url
    with ChaosProxy(SOCKET) as proxy:
        app.conf.update(broker_url=f"redis://127.0.0.1:{proxy.port}/0")
        app._after_fork()  # type: ignore[attr-defined]  # forget the pools of the old address
        yield proxy
        app.pool.force_close_all()  # type: ignore[attr-defined]  # a pool of connections
        app.conf.update(broker_url=before)
        app._after_fork()  # type: ignore[attr-defined]  # inside the library


# Celery believes any answer that is one: a ring into the wrong kind is only repeated later.
KEPT = [(fault, "kept") for fault in FAULTS if fault != "answers with the wrong kind"]
FIRST = [(fault, "first") for fault in ("refuses", "hangs", "answers no number")]


@pytest.mark.parametrize(("fault", "connection"), KEPT + FIRST)
def test_a_fault_of_the_broker_delays_and_refuses_nothing(
    broker: ChaosProxy, client: Client, fault: str, connection: str
) -> None:
    if connection == "kept":
        assert client.upload().status == 201
        client.forget()
    started = time.monotonic()

    with broker.spoiled(FAULTS[fault]):
        answers = [client.upload() for _ in range(3)]

    assert time.monotonic() - started < BOUND_SECONDS
    assert [answer.status for answer in answers] == [201, 201, 201]
    assert File.objects.filter(status=Status.QUEUED).count() == 3
    # One failure opened the circuit, so nobody else was kept waiting.
    assert logged(client.log_events, "warning", "error") == ["doorbell.failed"]


@pytest.mark.property
@given(nonsense=NONSENSE)
@example(nonsense=b":abc\r\n")
@example(nonsense=b"*1\r\n" * 3000)
def test_no_nonsense_of_the_broker_refuses_an_upload(
    broker: ChaosProxy, client: Client, monkeypatch: pytest.MonkeyPatch, nonsense: bytes
) -> None:
    monkeypatch.setattr(tasks, "_doorbell_breaker", CircuitBreaker(60))
    app.pool.force_close_all()  # type: ignore[attr-defined]  # a pool of connections

    with broker.spoiled(Toxic("garbage", nonsense)):
        answer = client.upload()

    client.assert_whole(answer)
    assert logged(client.log_events, "warning") == ["doorbell.failed"]
    client.forget()


@pytest.mark.parametrize("fault", ["refuses", "hangs", "talks nonsense"])
def test_what_was_not_rung_for_is_rung_for_once_the_broker_is_back(
    broker: ChaosProxy,
    client: Client,
    doorbell: Doorbell,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
) -> None:
    with broker.spoiled(FAULTS[fault]):
        assert client.upload().status == 201
    assert doorbell.rung_for() == []
    monkeypatch.setattr(tasks, "_doorbell_breaker", CircuitBreaker(5))  # its rest is over
    File.objects.update(notified_at=LONG_AGO)

    assert run_repair("ring_again") == 1

    assert doorbell.rung_for() == [File.objects.get().id]


@pytest.mark.fault(4, "the broker hears the ring, its reply is lost")
def test_a_ring_whose_reply_is_lost_is_repeated_and_does_no_harm(
    broker: ChaosProxy, client: Client, doorbell: Doorbell, monkeypatch: pytest.MonkeyPatch
) -> None:
    with broker.spoiled(Toxic("lose_reply", once_seen=b"LPUSH")):
        assert client.upload().status == 201
    file = File.objects.get()
    assert doorbell.rung_for() == [file.id], "the ring was heard"
    assert logged(client.log_events, "warning") == ["doorbell.failed"]
    monkeypatch.setattr(tasks, "_doorbell_breaker", CircuitBreaker(5))
    File.objects.update(notified_at=LONG_AGO)
    run_repair("ring_again")
    assert doorbell.rung_for() == [file.id, file.id]

    for _ in doorbell.rung_for():
        process_file(str(file.id))

    file.refresh_from_db()
    assert (file.processed, file.attempts) == (True, 1)


def test_a_slow_broker_is_rung(broker: ChaosProxy, client: Client, doorbell: Doorbell) -> None:
    with broker.spoiled(Toxic("delay", seconds=0.03)):
        assert client.upload().status == 201

    assert broker.struck.is_set()
    assert doorbell.rung_for() == [File.objects.get().id]
