"""What the fault tests share: a client, a thread that serves it, and a clean memory."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.core import signals
from django.db import close_old_connections, connections

from filesvc import tasks
from filesvc.models import File
from security import signatures
from security.circuit_breaker import CircuitBreaker
from security.limit_cache import REST_SECONDS, FallbackRedisCache
from tests.client import Answer, call, upload
from tests.conftest import assert_nothing_kept, assert_problem, kept_files
from tests.security.conftest import free_port, make_clamd
from tests.stack import RUN_DIR

Serve = Callable[..., Answer]
LogEvents = list[dict[str, Any]]
ANSWER_SECONDS = 40.0  # above every deadline of the product: a test that waits so long has failed
RETRY_AFTER_SECONDS = {
    "scanner_unavailable": 30,
    "scanner_timeout": 30,
    "scanner_error": 30,
    "storage_unavailable": 10,
    "storage_full": None,
    "database_unavailable": 5,
}


@pytest.fixture(autouse=True)
def forget_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test did to a dependency is not remembered in the next."""
    monkeypatch.setattr(signatures, "_remembered", None)
    monkeypatch.setattr(FallbackRedisCache, "_breaker", CircuitBreaker(REST_SECONDS))
    monkeypatch.setattr(tasks, "_doorbell_breaker", CircuitBreaker(tasks.DOORBELL_REST_SECONDS))


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Make a call in another thread, as a server would: `serve(upload, token, b"hello")`.

    That thread has connections of its own, which Django looks after between its requests.
    """
    signals.request_started.connect(close_old_connections)
    signals.request_finished.connect(close_old_connections)
    with ThreadPoolExecutor(max_workers=1) as thread:
        yield lambda work, *args, **more: thread.submit(work, *args, **more).result(ANSWER_SECONDS)
        thread.submit(connections.close_all).result(ANSWER_SECONDS)
    signals.request_started.disconnect(close_old_connections)
    signals.request_finished.disconnect(close_old_connections)


@pytest.fixture(scope="session")
def clamd_port() -> Iterator[int]:
    """The loopback port of a second real clamd."""
    port = free_port()
    server = make_clamd("clamd-faults", f"TCPSocket {port}\nTCPAddr 127.0.0.1\n")
    server.start()
    yield port
    server.stop()
    shutil.rmtree(RUN_DIR / "clamd-faults")


@dataclass
class Client:
    """Somebody with a token who uploads, and looks at what is left of it."""

    token: str
    storage: Path
    log_events: LogEvents = field(repr=False)

    def upload(self, content: bytes = b"hello") -> Answer:
        """Send one file."""
        return upload(self.token, content)

    def assert_refused(self, answer: Answer, code: str, status: int = 503) -> None:
        """A whole refusal: Problem, Retry-After, nothing kept, one error line of its own."""
        self.assert_told_once(answer, code, status)
        assert_nothing_kept(self.storage)

    def assert_told_once(self, answer: Answer, code: str, status: int = 503) -> None:
        """The Problem, with the Retry-After of its code, and one line at level error."""
        problem = assert_problem(answer, status, code)
        assert problem["retry_after"] == RETRY_AFTER_SECONDS[code]
        lines = [event for event in self.log_events if event["level"] in ("error", "critical")]
        told = [(line["event"], line["code"], line["request_id"]) for line in lines]
        assert told == [("request.failed", code, problem["request_id"])]

    def assert_whole(self, answer: Answer, content: bytes = b"hello") -> None:
        """An acceptance: the one row, the one blob with these bytes, and no error line."""
        assert answer.status == 201, answer.body
        file = File.objects.get()
        assert str(file.id) == answer.json["id"]
        assert [path.read_bytes() for path in kept_files(self.storage)] == [content]
        assert [event for event in self.log_events if event["level"] == "error"] == []

    def forget(self) -> None:
        """Start anew: no rows, no bytes, no lines."""
        File.objects.all().delete()
        for path in kept_files(self.storage):
            path.unlink()
        self.log_events.clear()


@pytest.fixture
def client(token: str, storage: Path, log_events: LogEvents) -> Client:
    """Alice."""
    return Client(token, storage, log_events)


def failing(serve: Serve | None = None) -> list[str]:
    """The required dependencies that /health/ready finds missing; the process itself is alive."""
    ask = serve or (lambda work, *args: work(*args))
    assert ask(call, "GET", "/health/live").status == 200
    answer = ask(call, "GET", "/health/ready")
    if answer.status == 200:
        assert answer.json["ready"] is True
        return []
    problem = assert_problem(answer, 503, "service_unavailable")
    names: list[str] = problem["meta"]["failing"]
    return names
