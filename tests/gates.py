"""Two gates over one run: what the suite covers, and what its properties cover by themselves.

A pytest plugin (`-p tests.gates`). Coverage notes for each line whether a property ran it, an
example, or neither (imports and the start of the session, which any run has). With `--gates`
both figures are printed at the end, and the run fails when one of them is too low.
`python -m tests.gates` judges the data of a run that is over.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from coverage import Coverage

LEAST_PERCENT_OF_BRANCHES = 99.2
LEAST_PERCENT_OF_LINES_BY_PROPERTIES = 87.0
PROPERTY, EXAMPLE = "property", "example"
# What a run of the properties alone would have run as well.
ALONE = [f"^{PROPERTY}$", "^$"]
FIGURES = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--gates` holds the run to both figures."""
    parser.addoption("--gates", action="store_true", help="fail when a coverage gate is missed")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Fixtures of a test count as the test does."""
    coverage = Coverage.current()
    if coverage is not None:
        coverage.switch_context(PROPERTY if item.get_closest_marker("property") else EXAMPLE)
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)  # around pytest-cov, which puts the data together
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Judge once everything is measured."""
    result = yield
    if session.config.getoption("gates") and not hasattr(session.config, "workerinput"):
        figures = judge(*measure())
        session.config.stash[FIGURES] = [figure for figure, _ in figures]
        session.testsfailed += sum(not is_enough for _, is_enough in figures)
    return result


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Both figures, before pytest's own last line."""
    figures = config.stash.get(FIGURES, [])
    if figures:
        terminalreporter.section("coverage gates")
    for figure in figures:
        terminalreporter.write_line(figure, red="FAILED" in figure)


def measure() -> tuple[dict[str, int], dict[str, int]]:
    """The totals of the whole run, and of what its properties ran alone."""
    return read_totals(None), read_totals(ALONE)


def read_totals(contexts: list[str] | None) -> dict[str, int]:
    """The totals over all files, by whoever ran them."""
    coverage = Coverage()
    coverage.load()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(None):
        path = Path(folder) / "totals.json"
        coverage.json_report(outfile=str(path), contexts=contexts)
        totals: dict[str, int] = json.loads(path.read_text())["totals"]
    return totals


def judge(whole: dict[str, int], alone: dict[str, int]) -> list[tuple[str, bool]]:
    """Each figure as a sentence, and whether it is enough."""
    return [
        judge_one(
            "of branches by the whole suite",
            100 * whole["covered_branches"] / whole["num_branches"],
            LEAST_PERCENT_OF_BRANCHES,
        ),
        judge_one(
            "of lines by the properties alone",
            100 * alone["covered_lines"] / alone["num_statements"],
            LEAST_PERCENT_OF_LINES_BY_PROPERTIES,
        ),
    ]


def judge_one(what: str, percent: float, least: float) -> tuple[str, bool]:
    """`97.3 % of ... (at least 99.2 %)`, with FAILED in front when it is less."""
    is_enough = percent >= least
    told = f"{percent:.2f} % {what} (at least {least:g} %)"
    return (told if is_enough else f"FAILED {told}"), is_enough


if __name__ == "__main__":
    told = judge(*measure())
    sys.stdout.write("".join(f"{figure}\n" for figure, _ in told))
    raise SystemExit(not all(is_enough for _, is_enough in told))
