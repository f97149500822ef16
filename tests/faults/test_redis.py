"""Redis as the limiter's memory and as the doorbell: whatever ails it, no upload is refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.core.cache import caches
from hypothesis import example, given
from hypothesis import strategies as st

from config.celery import app
from filesvc import tasks
from filesvc.models import File, Status
from filesvc.sweeper import ring_again
from filesvc.tasks import process_file
from security.circuit_breaker import CircuitBreaker
from security.limit_cache import REST_SECONDS, FallbackRedisCache
from tests.client import call
from tests.conftest import assert_problem
from tests.faults.conftest import Client, LogEvents, failing
from tests.faults.proxy import BLACKHOLE, REFUSE, RESET, ChaosProxy, Toxic
from tests.filesvc.conftest import Doorbell
from tests.stack import RUN_DIR, Server

pytestmark = pytest.mark.django_db(transaction=True)

SOCKET = f"{RUN_DIR}/redis.sock"
BOUND_SECONDS = 3.0  # three uploads; one of them waits 0.25 s for each of the two
LATER = "2026-01-01T00:00:00Z"

FAULTS = {
    "refuses": REFUSE,
    "hangs": BLACKHOLE,
    "resets": RESET,
    "talks nonsense": Toxic("garbage", b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "answers no number": Toxic("garbage", b":abc\r\n" * 9),
    "answers with the wrong kind": Toxic("garbage", b"*-5\r\n" * 9),
    "answers without an end": Toxic("garbage", b"*1\r\n" * 5000),
    "says only errors": Toxic("garbage", b"-LOADING in memory\r\n" * 9),
    "hangs up": Toxic("cut"),
    "hangs up in the middle": Toxic("cut", after_bytes=9),
    "is too slow": Toxic("delay", seconds=1),
}
# Pieces that look like the protocol, so that the client's parser gets somewhere.
WORDS = [
    b"+OK",
    b":1",
    b":x",
    b"$-1",
    b"$3",
    b"*2",
    b"*-9",
    b"%1",
    b"~1",
    b"-ERR",
    b",n",
    b"(1",
    b"#t",
]
NONSENSE = st.binary(max_size=40) | st.lists(
    st.sampled_from([word + b"\r\n" for word in WORDS]) | st.binary(max_size=4), max_size=12
).map(b"".join)


@pytest.fixture
def limiter(settings: Any) -> Iterator[ChaosProxy]:
    """The limiter's real Redis, empty, behind a proxy."""
    with redis.Redis(unix_socket_path=SOCKET, db=1) as memory, ChaosProxy(SOCKET) as proxy:
        memory.flushdb()
        address = f"redis://127.0.0.1:{proxy.port}/1"
        settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": address}}
        caches["default"]._local.clear()  # type: ignore[attr-defined]  # what it counts alone
        yield proxy
        disconnect_limiter()


def disconnect_limiter() -> None:
    """Let go of its connections, so that the next word is the first on a new one."""
    for pool in caches["default"]._cache._pools.values():  # type: ignore[attr-defined]
        pool.disconnect()


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
        app.conf.broker_url = f"redis://127.0.0.1:{proxy.port}/0"
        app._after_fork()  # type: ignore[attr-defined]  # forget the pools of the old address
        yield proxy
        app.pool.force_close_all()
        app.conf.broker_url = before
        app._after_fork()  # type: ignore[attr-defined]


@pytest.fixture(params=["first contact", "kept connection"])
def contact(request: pytest.FixtureRequest, client: Client) -> None:
    """Whether there was a good upload before the fault."""
    if request.param == "kept connection":
        assert client.upload().status == 201
    client.forget()


def logged(log_events: LogEvents, *levels: str) -> list[str]:
    """The names of the events at these levels, in their order."""
    return [event["event"] for event in log_events if event["level"] in levels]


# --- the limiter's memory ---------------------------------------------------------------


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_limiters_memory_costs_time_once_and_no_limit(
    limiter: ChaosProxy, contact: None, client: Client, settings: Any, fault: str
) -> None:
    settings.UPLOAD_RATE = "2/d"
    started = time.monotonic()

    with limiter.spoiled(FAULTS[fault]):
        answers = [client.upload() for _ in range(3)]

    assert time.monotonic() - started < BOUND_SECONDS
    assert [answer.status for answer in answers] == [201, 201, 429]
    assert_problem(answers[2], 429, "rate_limited")
    # One failure opened the circuit, so nothing was asked a second time.
    assert logged(client.log_events, "warning", "error") == ["rate_limit.fell_back"]


@pytest.mark.property
@given(nonsense=NONSENSE)
@example(nonsense=b":abc\r\n")
@example(nonsense=b"%x\r\n")
@example(nonsense=b"*1\r\n" * 3000)
def test_no_nonsense_of_the_limiters_memory_refuses_an_upload(
    limiter: ChaosProxy, client: Client, nonsense: bytes
) -> None:
    disconnect_limiter()
    FallbackRedisCache._breaker.record_success()

    with limiter.spoiled(Toxic("garbage", nonsense)):
        answer = client.upload()

    client.assert_whole(answer)
    assert logged(client.log_events, "warning") == ["rate_limit.fell_back"]
    client.forget()


def test_a_slow_memory_is_still_the_one_that_counts(limiter: ChaosProxy, client: Client) -> None:
    with limiter.spoiled(Toxic("delay", seconds=0.05)):
        assert client.upload().status == 201

    assert limiter.struck.is_set()
    assert logged(client.log_events, "warning", "error") == []


def test_the_limiters_memory_is_used_again_after_the_rest(
    limiter: ChaosProxy, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    breaker = CircuitBreaker(REST_SECONDS, clock=lambda: now[0])
    monkeypatch.setattr(FallbackRedisCache, "_breaker", breaker)
    with redis.Redis(unix_socket_path=SOCKET, db=1) as memory:
        with limiter.spoiled(RESET):
            assert client.upload().status == 201
        assert client.upload().status == 201
        assert memory.dbsize() == 0, "the circuit is open"

        now[0] += REST_SECONDS
        assert client.upload().status == 201
        assert memory.dbsize() == 2, "one window of the token, one of the address"


@pytest.mark.parametrize("fault", FAULTS)
def test_the_service_stays_ready_without_redis_and_tells_it(
    limiter: ChaosProxy, fault: str
) -> None:
    with limiter.spoiled(FAULTS[fault]):
        assert failing() == []
        assert broker_check()["ok"] is False

    assert broker_check() == broker_check() | {"ok": True, "required": False}


def broker_check() -> dict[str, Any]:
    check: dict[str, Any] = call("GET", "/health/ready").json["checks"]["broker"]
    return check


# --- the doorbell -----------------------------------------------------------------------


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_broker_delays_and_refuses_nothing(
    broker: ChaosProxy, contact: None, client: Client, doorbell: Doorbell, fault: str
) -> None:
    doorbell.client.delete("celery")
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
    app.pool.force_close_all()

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
    File.objects.update(notified_at=LATER)

    assert ring_again() == 1

    assert doorbell.rung_for() == [File.objects.get().id]


def test_a_ring_whose_reply_is_lost_is_repeated_and_does_no_harm(
    broker: ChaosProxy, client: Client, doorbell: Doorbell, monkeypatch: pytest.MonkeyPatch
) -> None:
    with broker.spoiled(Toxic("lose_reply", once_seen=b"LPUSH")):
        assert client.upload().status == 201
    file = File.objects.get()
    assert doorbell.rung_for() == [file.id], "the ring was heard"
    assert logged(client.log_events, "warning") == ["doorbell.failed"]
    monkeypatch.setattr(tasks, "_doorbell_breaker", CircuitBreaker(5))
    File.objects.update(notified_at=LATER)
    ring_again()
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


@pytest.mark.parametrize("fault", ["stopped", "frozen"])
def test_without_any_redis_uploads_go_on_and_the_pages_tell_the_truth(
    client: Client, servers: dict[str, Server], fault: str
) -> None:
    started = time.monotonic()
    with getattr(servers["redis"], fault)():
        assert [client.upload().status for _ in range(5)] == [201] * 5
        assert failing() == []
        assert broker_check()["ok"] is False

    assert time.monotonic() - started < 2 * BOUND_SECONDS
    assert sorted(logged(client.log_events, "warning", "error")) == [
        "doorbell.failed",
        "rate_limit.fell_back",
    ]
    assert broker_check()["ok"] is True
