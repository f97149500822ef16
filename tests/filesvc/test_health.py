"""Whether the health pages tell the truth about each dependency, and nothing beyond it."""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from filesvc import health
from filesvc.worker_progress import STUCK_SECONDS
from security.signatures import Scanner, ask_version
from tests import stack
from tests.client import Answer, call
from tests.conftest import assert_problem, kept_files
from tests.filesvc.conftest import MakeFile
from tests.stack import Server, wait_until

pytestmark = pytest.mark.django_db

REQUIRED = {"database": True, "storage": True, "scanner": True}
REQUIRED |= dict.fromkeys(("broker", "cache", "workers"), False)
REDIS = ("broker", "cache")
BOUNDED_SECONDS = 10.0
LASTING_SECONDS = 60.0


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
    assert checks["scanner"]["canary_age_seconds"] == 0
    assert (checks["workers"]["state"], checks["workers"]["oldest_waiting_seconds"]) == ("idle", 0)


def test_an_answer_is_good_for_a_second_and_tells_its_age(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = count_calls(monkeypatch)
    monkeypatch.setattr(health, "GOOD_SECONDS", LASTING_SECONDS)

    answers = [ask() for _ in range(5)]

    assert [answer.status for answer in answers] == [200] * 5
    ages = [answer.json["age_seconds"] for answer in answers]
    assert ages[0] == 0
    assert ages == sorted(ages)
    assert all(isinstance(age, int | float) for age in ages)
    assert len(asked) == 1
    monkeypatch.setattr(health, "GOOD_SECONDS", 0.0)
    assert ask().json["age_seconds"] == 0
    assert len(asked) == 2


def test_a_refusal_is_asked_anew_so_that_what_heals_is_seen_at_once(
    monkeypatch: pytest.MonkeyPatch, servers: dict[str, Server]
) -> None:
    monkeypatch.setattr(health, "GOOD_SECONDS", LASTING_SECONDS)
    with servers["clamd"].stopped():
        assert failing(ask()) == ["scanner"]

    assert ask().status == 200


def test_a_frozen_part_holds_one_request_and_the_others_are_told_the_last_answer(
    monkeypatch: pytest.MonkeyPatch, servers: dict[str, Server]
) -> None:
    """The database is asked by a thread of its own, which must not be left with a connection."""
    for name in ("_ask_database", "_ask_workers"):
        monkeypatch.setattr(health, name, dict)
    assert ask().status == 200
    asked = count_calls(monkeypatch)
    with ThreadPoolExecutor(1) as other, servers["clamd"].frozen():
        held = other.submit(ask)
        wait_until(lambda: bool(asked), BOUNDED_SECONDS, "one asks the scanner")
        told = [ask() for _ in range(31)]
        assert not held.done()
        assert failing(held.result(BOUNDED_SECONDS)) == ["scanner"]

    assert {answer.status for answer in told} == {200}
    assert len(asked) == 1


def count_calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows by one whenever the scanner is asked."""
    asked = list[str]()

    def count() -> Scanner:
        asked.append("scanner")
        return ask_version()

    monkeypatch.setattr(health, "ask_version", count)
    return asked


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
def test_a_redis_that_does_not_answer_is_told_and_stops_nothing(
    servers: dict[str, Server], fault: str
) -> None:
    started = time.monotonic()
    with getattr(servers["redis"], fault)():
        answer = ask()

    assert time.monotonic() - started < BOUNDED_SECONDS
    assert (answer.status, answer.json["ready"]) == (200, True)
    checks = answer.json["checks"]
    assert [checks[name]["error"] for name in REDIS] == ["unreachable"] * 2
    assert all(check["ok"] for name, check in checks.items() if name not in REDIS)


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


@pytest.mark.parametrize("name", REDIS)
def test_one_redis_of_two_that_is_away_is_the_one_named(name: str, settings: Any) -> None:
    nowhere = f"{stack.RUN_DIR}/no-redis.sock"
    if name == "broker":
        settings.BROKER_URL = f"redis+socket://{nowhere}?virtual_host=0"
    else:
        backend = settings.CACHES["default"]
        settings.CACHES = {"default": {**backend, "LOCATION": f"unix://{nowhere}?db=1"}}

    checks = ask().json["checks"]

    assert {each: checks[each]["ok"] for each in REDIS} == {each: each != name for each in REDIS}


@pytest.mark.parametrize(
    ("content", "wrong"), [("CLEAN", b"EICAR"), ("eicar", b"harmless")], ids=["clean", "eicar"]
)
def test_a_scanner_that_is_wrong_about_a_canary_makes_the_service_unready(
    content: str, wrong: bytes, monkeypatch: pytest.MonkeyPatch, log_events: list[dict[str, Any]]
) -> None:
    from security import canary

    # What is found and what is not are exchanged, each in turn.
    planted = canary.eicar() if content == "CLEAN" else wrong
    monkeypatch.setattr(canary, content, planted if content == "CLEAN" else lambda: planted)

    assert failing(ask()) == ["scanner"]
    refused = [event for event in log_events if event["event"] == "request.failed"]
    assert [event["note"] for event in refused] == ["scanner: canary_wrong"]
    assert [event["level"] for event in log_events if event["event"] == "canary.wrong"] == ["error"]


def test_a_canary_nobody_could_ask_for_too_long_makes_the_service_unready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from security import canary

    assert ask().status == 200
    monkeypatch.setattr(canary, "STALE_SECONDS", -1.0)

    assert failing(ask()) == ["scanner"]


@pytest.mark.parametrize(("age_days", "status"), [(2.9, 200), (3.1, 503)])
def test_official_signatures_are_stale_after_three_days(
    age_days: float, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = Scanner("ClamAV 1.4.6", "27456", timezone.now() - timedelta(days=age_days))
    monkeypatch.setattr("filesvc.health.ask_version", lambda: old)

    answer = ask()

    assert answer.status == status
    if status == 200:
        told = answer.json["checks"]["scanner"]
        assert (told["signatures"], told["age_seconds"]) == ("27456", round(age_days * 86400))
        assert told["updated_at"].endswith("Z")


def test_a_file_that_waits_while_nobody_works_is_told_and_stops_nothing(
    make_file: MakeFile,
) -> None:
    make_file(uploaded_at=timezone.now() - timedelta(seconds=STUCK_SECONDS + 5))

    answer = ask()

    workers = answer.json["checks"]["workers"]
    assert (answer.status, workers["ok"], workers["error"]) == (200, False, "stuck")
    assert STUCK_SECONDS < workers["oldest_waiting_seconds"] < STUCK_SECONDS + 60
