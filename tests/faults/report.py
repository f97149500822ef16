"""A pytest plugin: tests of faults record what happened, and a run collects it into one file.

`@pytest.mark.fault(number, name)` says which fault of the catalogue a test provokes; its
fixture `report` takes what the client saw, what was left and how that was repaired. With
`--fault-report=PATH` the rows of a run, also of one in several processes, end up in PATH,
from which `tests/print_faults.py` prints the table in ARCHITECTURE.md.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PROPERTY = "fault"
CELLS = ("saw", "left", "repaired")

# How things are repaired. A time in here is a promise that a test measures, never a
# measurement: the table has to be the same after every run.
NOTHING = "nothing to repair"
AT_ONCE = "at once"
BY_RETRY = "by the client's retry, at once"
BY_RING = "by the sweeper's next ring, after 30 s"
BY_LEASE = "by the next claim once the lease has run out, after 30 s"
AFTER_AN_HOUR = "removed by the sweeper, after 1 h"
WHEN_OVER = "when the fault is over, at once"


class Report:
    """What a test tells of its fault; said once, it is a row of the table."""

    def __init__(self, node: pytest.Item) -> None:
        self._node = node

    def __call__(self, *, saw: Any, left: str, repaired: str = NOTHING) -> None:
        """`saw` is an answer, or a sentence where there was none."""
        marks = list(self._node.iter_markers("fault"))
        assert marks, "a test that reports a fault says which: @pytest.mark.fault(number, name)"
        told = {"saw": describe(saw), "left": left, "repaired": repaired}
        for mark in marks:
            number, name = mark.args
            row = {"number": number, "fault": name, **told}
            self._node.user_properties.append((PROPERTY, row))


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Report:
    """Takes the test's row of the table of faults."""
    return Report(request.node)


def describe(saw: Any) -> str:
    """A status and a code: of our own answers, and of those that came over the wire."""
    if isinstance(saw, str):
        return saw
    status = getattr(saw, "status", None) or saw.status_code
    code = saw.headers.get("x-error-code")
    return f"{status} `{code}`" if code else str(status)


@dataclass(eq=False)  # pytest keeps its plugins in sets
class Collector:
    """Gathers the rows of tests that passed, and adds them to the file when the run ends."""

    path: Path
    rows: list[dict[str, Any]]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            rows = [row for name, row in report.user_properties if name == PROPERTY]
            self.rows += [row for row in rows if isinstance(row, dict)]

    def pytest_sessionfinish(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(add_rows(read_rows(self.path), self.rows), indent=1))


def read_rows(path: Path) -> list[dict[str, Any]]:
    """What earlier runs found out."""
    return list(json.loads(path.read_text())) if path.exists() else []


def add_rows(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """New rows take the place of the old ones of the same fault; each stands once."""
    told_anew = {(row["number"], row["fault"]) for row in new}
    rows = [row for row in old if (row["number"], row["fault"]) not in told_anew] + new
    unique = {tuple(row.items()): row for row in rows}
    order = ("number", "fault", *CELLS)
    return sorted(unique.values(), key=lambda row: tuple(row[name] for name in order))


def pytest_addoption(parser: pytest.Parser) -> None:
    """One option."""
    parser.addoption("--fault-report", metavar="PATH", help="add what faults did to this file")


def pytest_configure(config: pytest.Config) -> None:
    """Only the process that hears of every test collects."""
    path = config.getoption("--fault-report")
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Collector(Path(path), []), "fault-report")
