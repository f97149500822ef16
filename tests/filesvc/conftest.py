"""What the tests of this package share: rows made directly, and the queue behind the doorbell."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import redis
from django.utils import timezone

from errors.base import ServiceError
from filesvc.models import File, Status
from filesvc.stores.places import FILES
from security.circuit_breaker import CircuitBreaker
from security.filename import check_filename
from tests.s3 import put_kept
from tests.stack import RUN_DIR

MakeFile = Callable[..., File]


@dataclass
class Doorbell:
    """The queue in the real Redis, as a worker would find it."""

    client: Any

    def rung_for(self) -> list[uuid.UUID]:
        """The ids that were rung for, the first ring first."""
        messages = [json.loads(message) for message in self.client.lrange("celery", 0, -1)]
        bodies = [json.loads(base64.b64decode(message["body"])) for message in messages]
        return [uuid.UUID(arguments[0]) for arguments, _, _ in reversed(bodies)]


@pytest.fixture
def doorbell() -> Iterator[Doorbell]:
    """An empty queue."""
    import config.celery  # noqa: F401 - the application our tasks belong to

    client = redis.Redis(unix_socket_path=str(RUN_DIR / "redis.sock"), db=0)
    client.flushdb()
    yield Doorbell(client)
    client.close()


@pytest.fixture(autouse=True)
def closed_breaker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A doorbell that failed in one test rings again in the next."""
    from filesvc import tasks

    monkeypatch.setattr(tasks, "_doorbell_breaker", CircuitBreaker(tasks.DOORBELL_REST_SECONDS))


@pytest.fixture
def make_file(db: None) -> MakeFile:
    """Make a row and its bytes: `make_file(b"hello", owner="bob", status="processed")`."""
    from django.contrib.auth import get_user_model

    def make(content: bytes = b"hello", owner: str = "alice", **more: Any) -> File:
        user, _ = get_user_model().objects.get_or_create(username=owner)
        file = new_row(content, owner=user, **more)
        file.save(force_insert=True)
        put_kept(FILES, file.id, content)
        return file

    return make


def is_accepted_name(name: str) -> bool:
    """True when the gate for names lets it through."""
    try:
        check_filename(name)
    except ServiceError:
        return False
    return True


def new_row(content: bytes = b"hello", **more: Any) -> File:
    """A row that is not saved yet."""
    now = timezone.now()
    fields: dict[str, Any] = {
        "name": "note.txt",
        "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "media_type": "text/plain",
        "uploaded_at": now,
        "notified_at": now,
        "request_id": "0" * 32,
        "scan_engine": "ClamAV 1.4.6",
        "scan_signatures": "test-only",
        "scanned_at": now,
        "processed": more.get("status") == Status.PROCESSED,
    }
    return File(**(fields | more))


@pytest.fixture(scope="module")
def sandbox_of_module() -> Iterator[None]:
    """No confined process of other tests is used here, and none of these in others."""
    from filesvc.sandbox import stop_sandbox

    stop_sandbox()
    yield
    stop_sandbox()


@pytest.fixture
def odd_sandbox(sandbox_of_module: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are described by the odd program, and nothing is waited for as long as it might."""
    from filesvc import sandbox
    from tests.filesvc.describing import ODD

    settings.PROCESSING_TIMEOUT_SECONDS = 0.7
    monkeypatch.setattr(sandbox, "FRAME_SECONDS", 0.7)
    monkeypatch.setattr(sandbox, "PROGRAM", ODD)
