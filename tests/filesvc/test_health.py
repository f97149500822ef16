"""Whether the health pages tell the truth about each dependency, and nothing beyond it."""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection

from tests import stack
from tests.client import Answer, call
from tests.conftest import assert_problem, kept_files
from tests.stack import Server

pytestmark = pytest.mark.django_db

REQUIRED = {"database": True, "storage": True, "scanner": True, "broker": False}
BOUNDED_SECONDS = 10.0


def ask() -> Answer:
    return call("GET", "/health/ready")


def failing(answer: Answer) -> list[str]:
    problem = assert_problem(answer, 503, "service_unavailable")
    names: list[str] = problem["meta"]["failing"]
    return names


def test_each_dependency_is_named_with_its_state_and_time() -> None:
    answer = ask()

    assert (answer.status, answer.json["ready"]) == (200, True)
    checks = answer.json["checks"]
    assert {name: check["required"] for name, check in checks.items()} == REQUIRED
    assert all(check["ok"] is True for check in checks.values())
    assert all(isinstance(check["ms"], int) and check["ms"] >= 0 for check in checks.values())
    assert checks["scanner"]["signatures"] == "test-only"
    assert checks["scanner"]["age_seconds"] is None


def test_the_page_tells_no_address_and_no_path(storage: Path, settings: Any) -> None:
    told = json.dumps(ask().json)

    secrets = [settings.CLAMD_ADDRESS, settings.BROKER_URL, str(storage), str(stack.RUN_DIR)]
    assert not [secret for secret in secrets if secret in told]
    assert ".sock" not in told
    assert "/" not in told


@pytest.mark.parametrize("fault", ["stopped", "frozen"])
def test_a_scanner_that_does_not_answer_makes_the_service_unready(
    servers: dict[str, Server], fault: str
) -> None:
    started = time.monotonic()
    with getattr(servers["clamd"], fault)():
        assert failing(ask()) == ["scanner"]
        assert time.monotonic() - started < BOUNDED_SECONDS

    assert ask().status == 200


@pytest.mark.parametrize("fault", ["stopped", "frozen"])
def test_a_broker_that_does_not_answer_is_told_and_stops_nothing(
    servers: dict[str, Server], fault: str
) -> None:
    started = time.monotonic()
    with getattr(servers["redis"], fault)():
        answer = ask()

    assert time.monotonic() - started < BOUNDED_SECONDS
    assert (answer.status, answer.json["ready"]) == (200, True)
    broker = answer.json["checks"]["broker"]
    assert (broker["ok"], broker["error"]) == (False, "unreachable")
    assert all(check["ok"] for name, check in answer.json["checks"].items() if name != "broker")


def test_a_database_that_does_not_answer_makes_the_service_unready() -> None:
    def refuse(*args: Any) -> None:
        raise OperationalError("could not connect to server at 10.1.2.3")

    with connection.execute_wrapper(refuse):
        answer = ask()

    assert failing(answer) == ["database"]
    assert b"10.1.2.3" not in answer.body


def test_a_store_that_is_gone_makes_the_service_unready(storage: Path) -> None:
    shutil.rmtree(storage)

    assert failing(ask()) == ["storage"]


def test_a_store_that_takes_no_more_bytes_makes_the_service_unready(
    storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int, chunk: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", refuse)

    assert failing(ask()) == ["storage"]
    assert kept_files(storage) == []


def test_asking_leaves_nothing_in_the_store(storage: Path) -> None:
    assert ask().status == 200

    assert kept_files(storage) == []


def test_several_failures_are_all_named(storage: Path, settings: Any) -> None:
    settings.CLAMD_ADDRESS = f"unix:{storage}/no-clamd"
    shutil.rmtree(storage)

    assert set(failing(ask())) == {"storage", "scanner"}


def test_test_signatures_make_a_service_that_needs_the_official_ones_unready(settings: Any) -> None:
    settings.REQUIRE_OFFICIAL_SIGNATURES = True

    assert failing(ask()) == ["scanner"]


@pytest.fixture
def no_dependency(settings: Any, storage: Path) -> Iterator[None]:
    """No scanner, no store, and a database that refuses every statement."""

    def refuse(*args: Any) -> None:
        raise OperationalError("away")

    settings.CLAMD_ADDRESS = f"unix:{storage}/no-clamd"
    shutil.rmtree(storage)
    with connection.execute_wrapper(refuse):
        yield


@pytest.mark.usefixtures("no_dependency")
def test_the_process_lives_whatever_it_depends_on(servers: dict[str, Server]) -> None:
    with servers["redis"].frozen():
        answer = call("GET", "/health/live")

    assert (answer.status, answer.json) == (200, {"live": True})
