"""Redis as the limiter's memory: whatever ails it, the limits hold and no upload is refused."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
import redis
from django.core.cache import caches
from hypothesis import example, given

from security.circuit_breaker import CircuitBreaker
from security.limit_cache import REST_SECONDS, FallbackRedisCache
from tests.client import call
from tests.conftest import assert_problem
from tests.faults.conftest import Client, failing
from tests.faults.proxy import RESET, ChaosProxy, Toxic
from tests.faults.redis_faults import BOUND_SECONDS, FAULTS, NONSENSE, SOCKET, logged
from tests.faults.report import Report
from tests.stack import Server

pytestmark = pytest.mark.django_db


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
    for pool in caches["default"]._cache._pools.values():  # type: ignore[attr-defined]  # inside the library
        pool.disconnect()


@pytest.fixture(params=["first contact", "kept connection"])
def contact(request: pytest.FixtureRequest, client: Client) -> None:
    """Whether there was a good upload before the fault."""
    if request.param == "kept connection":
        assert client.upload().status == 201
    client.forget()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_limiters_memory_costs_time_once_and_no_limit(
    limiter: ChaosProxy, contact: None, client: Client, settings: Any, fault: str
) -> None:
    settings.UPLOAD_RATE = "2/d"
    started = time.monotonic()

    with limiter.spoiled(FAULTS[fault]):
        answers = [client.upload() for _ in range(4)]

    assert time.monotonic() - started < BOUND_SECONDS
    # The third may pass where the first was still counted there and the others here.
    assert [answer.status for answer in answers[:2]] == [201, 201]
    assert_problem(answers[3], 429, "rate_limited")
    # One failure opened the circuit, so nothing was asked a second time.
    assert logged(client.log_events, "warning", "error") == ["rate_limit.fell_back"]


class Forgetful(socketserver.StreamRequestHandler):
    """A Redis that has every key already when it is set, and none when it is asked for one."""

    answers: ClassVar = {
        b"HELLO": b"%1\r\n+proto\r\n:3\r\n",
        b"SET": b"_\r\n",
        b"EXISTS": b":0\r\n",
    }

    def handle(self) -> None:
        while count := self.rfile.readline():
            words = [self._read_word() for _ in range(int(count[1:]))]
            self.wfile.write(self.answers.get(words[0], b"+OK\r\n"))

    def _read_word(self) -> bytes:
        return self.rfile.read(int(self.rfile.readline()[1:]) + 2)[:-2]


def test_a_memory_that_denies_what_it_was_given_is_not_believed(
    limiter: ChaosProxy, client: Client, settings: Any
) -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), Forgetful) as forgetful:
        limiter.upstream = ("127.0.0.1", forgetful.server_address[1])
        thread = threading.Thread(target=forgetful.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        answer = client.upload()
        disconnect_limiter()
        forgetful.shutdown()
        thread.join()

    client.assert_whole(answer)
    assert logged(client.log_events, "warning") == ["rate_limit.fell_back"]


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
        assert cache_check()["ok"] is False

    assert cache_check()["ok"] is True


def cache_check() -> dict[str, Any]:
    """What the health page says of the limiter's Redis."""
    return check_of("cache")


def broker_check() -> dict[str, Any]:
    """What the health page says of the doorbell's Redis."""
    return check_of("broker")


def check_of(name: str) -> dict[str, Any]:
    """One dependency on the health page."""
    check: dict[str, Any] = call("GET", "/health/ready").json["checks"][name]
    return check


@pytest.mark.fault(45, "the limiter's memory is away or frozen")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fault", ["stopped", "frozen"])
def test_without_any_redis_uploads_go_on_and_the_pages_tell_the_truth(
    client: Client, servers: dict[str, Server], fault: str, report: Report
) -> None:
    started = time.monotonic()
    with getattr(servers["redis"], fault)():
        assert [client.upload().status for _ in range(5)] == [201] * 5
        assert failing() == []
        assert cache_check()["ok"] is False

    assert time.monotonic() - started < 2 * BOUND_SECONDS
    assert sorted(logged(client.log_events, "warning", "error")) == [
        "doorbell.failed",
        "rate_limit.fell_back",
    ]
    assert cache_check()["ok"] is True
    report(
        saw="201; limits hold in each process",
        left="counts of its own in each process",
        repaired="after 5 s",
    )
