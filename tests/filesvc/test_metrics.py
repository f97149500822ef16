"""GET /metrics: what was counted, in Prometheus' own form, over one process or several."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from errors.catalogue import CATALOGUE
from filesvc import metrics
from filesvc.exposition import registry
from security.signatures import Scanner
from tests.client import call, upload
from tests.conftest import assert_problem
from tests.filesvc.conftest import Doorbell, MakeFile
from tests.filesvc.processes import running_worker
from tests.security.conftest import free_port
from tests.stack import ROOT, wait_until

pytestmark = pytest.mark.django_db

COUNT_ONE = """
import django
django.setup()
from errors.catalogue import NotFound
from errors.counting import count_error
count_error(NotFound())
"""


def samples(text: str, name: str = "filesvc_errors_total") -> dict[str, float]:
    """The counter by code."""
    return {
        sample.labels["code"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def read_metrics() -> dict[str, float]:
    answer = call("GET", "/metrics")
    assert answer.status == 200
    return samples(answer.body.decode())


def test_an_error_is_counted_by_its_code() -> None:
    before = read_metrics().get("not_found", 0)

    for _ in range(3):
        call("GET", "/nowhere")

    assert read_metrics()["not_found"] == before + 3


def test_only_codes_of_the_catalogue_are_counted() -> None:
    call("GET", "/Zq7Xk9VwB3nM?Zq7Xk9VwB3nM")

    body = call("GET", "/metrics").body
    assert set(samples(body.decode())) <= set(CATALOGUE)
    assert b"Zq7Xk9Vw" not in body


@pytest.mark.parametrize(
    "accept", ["*/*", "text/plain", "application/openmetrics-text;version=1.0.0,*/*;q=0.1"]
)
def test_prometheus_gets_its_text(accept: str) -> None:
    answer = call("GET", "/metrics", headers={"Accept": accept})

    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")


def test_the_answer_is_not_kept_by_a_cache() -> None:
    assert call("GET", "/metrics").headers["cache-control"] == "no-store"


def test_nothing_is_written_here() -> None:
    assert_problem(call("POST", "/metrics"), 405, "method_not_allowed")


def test_the_counts_of_all_processes_are_summed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    for _ in range(2):
        subprocess.run(
            [sys.executable, "-c", COUNT_ONE], cwd=ROOT, env=os.environ.copy(), check=True
        )

    assert read_metrics()["not_found"] == 2


def test_one_process_alone_tells_its_own_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    own = registry()

    call("GET", "/nowhere")

    assert isinstance(own, CollectorRegistry)
    told = own.get_sample_value("filesvc_errors_total", {"code": "not_found", "status": "404"})
    assert told == read_metrics()["not_found"]


@pytest.fixture
def asked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known from another test's scrape."""
    monkeypatch.setattr(metrics, "at_scrape", metrics.AtScrape())


def told(name: str, text: str | None = None) -> float | None:
    """The value of a metric without labels, or None when it is absent."""
    text = text or call("GET", "/metrics").body.decode()
    families = text_string_to_metric_families(text)
    values = [each.value for family in families for each in family.samples if each.name == name]
    return values[0] if values else None


@pytest.mark.usefixtures("asked_anew")
def test_the_oldest_file_that_waits_is_told_and_not_asked_for_at_every_scrape(
    make_file: MakeFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told("filesvc_oldest_waiting_seconds") == 0
    make_file(uploaded_at=timezone.now() - timedelta(seconds=300))
    assert told("filesvc_oldest_waiting_seconds") == 0, "known for five seconds"

    monkeypatch.setattr(metrics, "KNOWN_SECONDS", 0.0)

    assert 300 <= (told("filesvc_oldest_waiting_seconds") or 0) < 400


@pytest.mark.usefixtures("asked_anew")
def test_a_scrape_that_waits_for_the_database_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told("filesvc_oldest_waiting_seconds")
    monkeypatch.setattr(metrics, "KNOWN_SECONDS", 0.0)
    is_asked, may_answer = threading.Event(), threading.Event()

    def answer_late() -> float:
        is_asked.set()
        assert may_answer.wait(10)
        return 7.0

    monkeypatch.setattr(metrics, "oldest_waiting_seconds", answer_late)
    with ThreadPoolExecutor(1) as other:
        first = other.submit(told, "filesvc_oldest_waiting_seconds")
        assert is_asked.wait(10)

        assert told("filesvc_oldest_waiting_seconds") == 0

        may_answer.set()
        assert first.result() == 7.0


@pytest.mark.usefixtures("asked_anew")
def test_what_the_database_does_not_tell_is_absent_and_the_rest_is_there(
    log_events: list[dict[str, Any]],
) -> None:
    def refuse(*args: Any) -> None:
        raise OperationalError("away")

    with connection.execute_wrapper(refuse):
        text = call("GET", "/metrics").body.decode()

    assert told("filesvc_oldest_waiting_seconds", text) is None
    assert told("filesvc_uploads_under_way", text) == 0
    assert [event["event"] for event in log_events] == ["metrics.incomplete"]


@pytest.mark.usefixtures("asked_anew")
def test_the_age_of_official_signatures_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    official = Scanner("ClamAV 1.4.6", "27456", timezone.now() - timedelta(days=2))
    monkeypatch.setattr(metrics, "current_scanner", lambda: official)

    assert told("filesvc_signature_age_seconds") == pytest.approx(2 * 86400, abs=60)


@pytest.mark.usefixtures("asked_anew")
def test_without_a_scanner_or_official_signatures_no_age_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert told("filesvc_signature_age_seconds") is None

    def away() -> Scanner:
        raise CATALOGUE["scanner_unavailable"]

    monkeypatch.setattr(metrics, "at_scrape", metrics.AtScrape())
    monkeypatch.setattr(metrics, "current_scanner", away)
    assert told("filesvc_signature_age_seconds") is None


@pytest.mark.django_db(transaction=True)
def test_a_worker_tells_what_it_processed_on_its_own_port(
    token: str, storage: Path, doorbell: Doorbell, tmp_path: Path
) -> None:
    folder, port = tmp_path / "metrics", free_port()
    folder.mkdir()
    upload(token, b"hello")

    def processed() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                text = answer.read().decode()
        except OSError:
            return False
        seconds = told("filesvc_processing_seconds_count", text)
        return (told("filesvc_finished_files_total", text), seconds) == (1, 1)

    settings = {"METRICS_PORT": str(port), "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    with running_worker(storage, concurrency=1, **settings):
        wait_until(processed, 60, "the worker told it")
