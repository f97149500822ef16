"""GET /metrics: what was counted, in Prometheus' own form, over one process or several."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from errors.catalogue import CATALOGUE
from filesvc.metrics import registry
from tests.client import call
from tests.conftest import assert_problem
from tests.stack import ROOT

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
