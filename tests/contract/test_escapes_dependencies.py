"""Where errors escape by default and what we answer: CONTRACT.md section 7, Redis and database."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.core.cache.backends.redis import RedisCache
from django.db import connections, transaction
from django.test import RequestFactory
from django.utils import timezone
from django_ratelimit.core import get_usage

from config.celery import app
from filesvc import tasks
from filesvc.models import File
from filesvc.sweeper import sweep_once
from security.circuit_breaker import CircuitBreaker
from tests.client import call, upload
from tests.conftest import assert_problem
from tests.contract import plain
from tests.contract.conftest import Outage
from tests.filesvc.conftest import Doorbell, MakeFile
from tests.stack import RUN_DIR, Server

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("fresh_limits")]

Servers = dict[str, Server]
FILE = "/files/018f2b6e-aaaa-7bbb-8ccc-1234567890ab/"


def test_row_06_redis_is_down(token: str, servers: Servers, settings: Any) -> None:
    settings.UPLOAD_RATE = "2/d"
    with servers["redis"].stopped():
        with pytest.raises(redis.exceptions.ConnectionError):
            RedisCache(f"unix://{RUN_DIR}/redis.sock", {}).incr("key")

        answers = [upload(token, b"hello") for _ in range(3)]

    assert [answer.status for answer in answers] == [201, 201, 429]
    assert_problem(answers[2], 429, "rate_limited")


def test_row_06_a_window_with_no_time_left(token: str, settings: Any) -> None:
    usage = get_usage(
        RequestFactory().get("/"), group="row6", key=lambda *_: "key", rate="1/s", increment=True
    )
    assert usage is not None
    assert usage["time_left"] <= 0

    settings.UPLOAD_RATE = "1/s"
    answers = (upload(token, b"hello") for _ in range(100))
    refused = next(answer for answer in answers if answer.status != 201)
    assert assert_problem(refused, 429, "rate_limited")["retry_after"] == 1


def test_row_20_no_database(
    token: str, without_database: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not connections.settings["default"]["ATOMIC_REQUESTS"]

    with without_database():
        with monkeypatch.context() as careless:
            careless.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
            by_default = plain.ask("GET", "/count/")
        assert (by_default.status, plain.is_html(by_default)) == (500, True)

        for method, path in (("GET", "/files/"), ("POST", "/upload/"), ("DELETE", FILE)):
            problem = assert_problem(call(method, path, token=token), 503, "database_unavailable")
            assert problem["retry_after"] == 5
        assert call("GET", "/health/live").status == 200
        assert call("GET", "/policy/").status == 200

    assert upload(token, b"hello").status == 201


@pytest.mark.parametrize("state", ["stopped", "frozen"])
def test_row_36_the_broker_is_down(token: str, servers: Servers, state: str) -> None:
    # With a result backend in the same Redis the call held its caller for 19 s (measured).
    assert app.conf.result_backend is None
    assert app.conf.task_ignore_result

    with getattr(servers["redis"], state)():
        started = time.monotonic()
        answer = upload(token, b"hello")
        elapsed_seconds = time.monotonic() - started

    assert (answer.status, File.objects.count()) == (201, 1)
    assert elapsed_seconds < 5


def test_row_37_the_ring_after_the_commit_fails(
    token: str,
    servers: Servers,
    doorbell: Doorbell,
    make_file: MakeFile,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ZeroDivisionError):
        commit_before_failing(make_file)
    assert File.objects.count() == 1
    File.objects.all().delete()

    monkeypatch.setattr(tasks, "_doorbell_breaker", CircuitBreaker(rest_seconds=0))
    with servers["redis"].stopped():
        answer = upload(token, b"hello")
    assert (answer.status, doorbell.rung_for()) == (201, [])
    File.objects.update(notified_at=timezone.now() - timedelta(minutes=1))
    sweep_once()
    assert [str(file_id) for file_id in doorbell.rung_for()] == [answer.json["id"]]


def commit_before_failing(make_file: MakeFile) -> None:
    with transaction.atomic():
        make_file()
        transaction.on_commit(lambda: 1 / 0)
