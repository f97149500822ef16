"""Every metric is declared in one place, and what alerts and dashboards name is declared."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Gauge

from errors import metrics
from errors.metrics import DECLARED
from tests.stack import ROOT

DASHBOARD = ROOT / "docker/grafana/dashboards/filesvc.json"
ALERTS = ROOT / "docker/alerts.yml"
NAME = re.compile(r"\bfilesvc_[a-z_]+\b")
KINDS = {"Counter", "Gauge", "Histogram", "Summary", "Info", "Enum"}


def expressions_of_alerts() -> list[str]:
    rules = [
        rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]
    ]
    return [rule["expr"] for rule in rules]


def expressions_of_dashboard() -> list[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", [])]


def told_names() -> set[str]:
    """The names under which Prometheus knows them."""
    names = {declared.name for declared in DECLARED}
    parts = ("_bucket", "_sum", "_count")
    histograms = [declared.name for declared in DECLARED if declared.kind == "histogram"]
    return names | {name + part for name in histograms for part in parts}


@pytest.mark.parametrize(
    "expressions", [expressions_of_alerts, expressions_of_dashboard], ids=["alerts", "dashboard"]
)
def test_what_is_asked_for_is_declared(expressions: Any) -> None:
    asked = {name for expression in expressions() for name in NAME.findall(expression)}

    assert asked
    assert asked <= told_names()


def test_every_metric_is_on_the_dashboard() -> None:
    asked = " ".join(expressions_of_dashboard())

    assert [declared.name for declared in DECLARED if declared.name not in asked] == []


def test_no_metric_is_made_anywhere_else() -> None:
    makers = {
        str(path.relative_to(ROOT))
        for package in ("config", "filesvc", "security", "errors")
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("prometheus_client")
        and KINDS & {alias.name for alias in node.names}
    }

    assert makers == {"errors/metrics.py"}


def test_names_and_sentences_are_as_prometheus_wants_them() -> None:
    assert len({declared.name for declared in DECLARED}) == len(DECLARED)
    for declared in DECLARED:
        assert NAME.fullmatch(declared.name)
        assert declared.name.endswith("_total") == (declared.kind == "counter")
        assert declared.sentence.endswith(".")


def test_a_gauge_says_how_it_is_put_together_from_processes() -> None:
    gauges = [value for value in vars(metrics).values() if isinstance(value, Gauge)]

    assert gauges
    assert all(gauge._multiprocess_mode.startswith("live") for gauge in gauges)


def test_a_number_found_out_at_the_scrape_is_declared_under_its_own_name() -> None:
    assert metrics.OLDEST_WAITING_SECONDS.name == "filesvc_oldest_waiting_seconds"
    assert metrics.SIGNATURE_AGE_SECONDS.name == "filesvc_signature_age_seconds"


def test_the_bounds_of_a_histogram_are_round_and_do_not_change() -> None:
    # Series recorded under other bounds cannot be added to those of today.
    round_ms = [step * 10**power for power in range(5) for step in (1, 2.5, 5)]
    minutes = [30_000, 60_000, 120_000]

    assert [bound * 1000 for bound in metrics.FAST] == round_ms[:14]  # 1 ms to 25 s
    assert [bound * 1000 for bound in metrics.LONG] == round_ms[3:13] + minutes


@pytest.mark.parametrize(
    "words",
    [
        ("check", "rules", "docker/alerts.yml"),
        ("check", "config", "--syntax-only", "docker/prometheus.yml"),
        ("test", "rules", "tests/alerts.yml"),
    ],
    ids=" ".join,
)
def test_promtool_agrees(words: tuple[str, ...]) -> None:
    promtool = shutil.which("promtool")
    assert promtool, "promtool is missing"

    told = subprocess.run([promtool, *words], cwd=ROOT, capture_output=True, text=True, check=False)

    assert told.returncode == 0, told.stdout + told.stderr


def test_every_alert_is_provoked() -> None:
    rules = [
        rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]
    ]
    provoked = Path(ROOT / "tests/alerts.yml").read_text()

    assert [
        rule["alert"] for rule in rules if f"alertname: {rule['alert']}\n" not in provoked
    ] == []
