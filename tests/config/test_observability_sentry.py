"""What reaches Sentry: every failure of ours, nothing a client sent, nothing anyone can cause."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.config.fresh import run_python
from tests.config.sentry import Collector, collecting
from tests.errors.routes import PLANTED

Ran = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def listening() -> Iterator[Collector]:
    """Stands in for Sentry during the failures."""
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def bored() -> Iterator[Collector]:
    """Stands in for Sentry during the refusals."""
    with collecting() as collector:
        yield collector


def run_requests(kind: str, folder: Path, **settings: str) -> Ran:
    ran = run_python(
        "-m",
        "tests.config.reporting",
        kind,
        STORAGE_ROOT=str(folder / "storage"),
        ALLOWED_HOSTS="testserver",
        **settings,
    )
    assert ran.returncode == 0, ran.stderr
    return ran


@pytest.fixture(scope="module")
def failures(listening: Collector, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The program that failed, with Sentry on."""
    return run_requests("failures", tmp_path_factory.mktemp("run"), SENTRY_DSN=listening.dsn)


@pytest.fixture(scope="module")
def events(failures: Ran, listening: Collector) -> list[dict[str, Any]]:
    """What it reported."""
    return listening.events


def crashes(event: dict[str, Any]) -> list[str]:
    """The classes of the exceptions in an event."""
    return [value["type"] for value in event.get("exception", {}).get("values", [])]


def test_the_requests_failed_as_they_should(failures: Ran) -> None:
    assert json.loads(failures.stdout) == {"statuses": [500, 500, 503], "reporting": True}


def test_each_failure_is_reported_once(events: list[dict[str, Any]]) -> None:
    last = sorted((crashes(event) or ["none"])[-1] for event in events)

    assert last == ["KeyError", "LookupError", "ValueError", "none"]


def test_a_report_shows_where_the_exception_came_from(events: list[dict[str, Any]]) -> None:
    found = next(event for event in events if crashes(event)[-1:] == ["KeyError"])

    frames = found["exception"]["values"][-1]["stacktrace"]["frames"]
    assert (frames[-1]["module"], frames[-1]["function"]) == ("tests.errors.routes", "post")


def test_nothing_a_client_sent_is_reported(listening: Collector, failures: Ran) -> None:
    assert listening.envelopes
    # The exceptions' text holds it too, and so do the local variables of the frames.
    assert [body for body in listening.envelopes if PLANTED.encode() in body] == []


def test_a_report_has_no_variables_headers_address_or_history(
    events: list[dict[str, Any]],
) -> None:
    for event in events:
        assert set(event.get("request", {})) <= {"method"}
        assert not {"user", "breadcrumbs", "extra", "server_name", "modules"} & set(event)
        for value in event.get("exception", {}).get("values", []):
            assert value["value"] == ""
            frames = value.get("stacktrace", {}).get("frames", [])
            assert not any("vars" in frame for frame in frames)


def test_an_outage_is_reported_by_its_code(events: list[dict[str, Any]], failures: Ran) -> None:
    outage = next(event for event in events if not crashes(event))
    logged = [json.loads(line) for line in failures.stderr.splitlines()]

    assert outage["logentry"]["message"] == "request.failed"
    assert outage["fingerprint"] == ["database_unavailable"]
    assert outage["tags"] == {
        "error_code": "database_unavailable",
        "http_status": "503",
        "stage": "database",
        "retryable": "True",
        "request_id": logged[2]["request_id"],
    }


def test_failures_of_one_code_and_class_are_one_group(events: list[dict[str, Any]]) -> None:
    found = next(event for event in events if crashes(event)[-1:] == ["KeyError"])

    assert found["fingerprint"] == ["internal_error", "KeyError"]
    assert found["release"].startswith("filesvc@")


def test_every_line_on_standard_error_is_json(failures: Ran) -> None:
    lines = [json.loads(line) for line in failures.stderr.splitlines()]

    assert [line["event"] for line in lines] == ["request.failed"] * 3 + ["processing.crashed"]
    assert failures.stderr.isascii()


def test_what_anyone_can_cause_is_never_reported(bored: Collector, tmp_path: Path) -> None:
    ran = run_requests("refusals", tmp_path, SENTRY_DSN=bored.dsn)

    told = json.loads(ran.stdout)
    assert told["reporting"]
    assert {status // 100 for status in told["statuses"]} == {4}
    assert bored.events == []
    assert [body for body in bored.envelopes if PLANTED.encode() in body] == []


def test_without_an_address_nothing_is_set_up(tmp_path: Path) -> None:
    ran = run_requests("failures", tmp_path)

    assert json.loads(ran.stdout) == {"statuses": [500, 500, 503], "reporting": False}


def test_an_address_nobody_answers_costs_no_request(tmp_path: Path) -> None:
    # Port 1 of this machine refuses.
    ran = run_requests("failures", tmp_path, SENTRY_DSN="http://public@127.0.0.1:1/1")

    assert json.loads(ran.stdout) == {"statuses": [500, 500, 503], "reporting": True}


def test_the_log_level_silences_refusals(tmp_path: Path) -> None:
    assert run_requests("refusals", tmp_path, LOG_LEVEL="ERROR").stderr == ""
