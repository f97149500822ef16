"""The coverage gates: what counts as covered by a property, and that a run fails below either."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import gates
from tests.stack import ROOT

PRODUCT = """
def by_property(number):
    if number > 3:
        return 1
    return 2

def by_example(number):
    if number > 3:
        return 1
    return 2
"""
PROPERTY_TEST = """
import product, pytest

@pytest.mark.property
@pytest.mark.parametrize("number", [1, 5])
def test_property(number):
    product.by_property(number)
"""
EXAMPLE_TEST = """
@pytest.mark.parametrize("number", [1, 5])
def test_example(number):
    product.by_example(number)
"""


def run_gates(folder: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    """A run of its own over a small product, measured and judged."""
    (folder / "product.py").write_text(PRODUCT)
    (folder / "test_product.py").write_text("\n".join(tests))
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    property: one\n")
    (folder / ".coveragerc").write_text("[run]\nbranch = true\nsource = product\n")
    options = ["-p", "tests.gates", "--gates", "--cov", "--cov-report=", "-p", "no:django"]
    plugins = ["-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *plugins, "--rootdir", str(folder)],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{folder}:{ROOT}"},
        capture_output=True,
        text=True,
    )


def test_a_test_that_is_gone_is_missed_by_the_gate_of_branches(tmp_path: Path) -> None:
    run = run_gates(tmp_path, PROPERTY_TEST)

    assert run.returncode == 1, run.stdout
    assert "FAILED 50.00 % of branches by the whole suite (at least 99.2 %)" in run.stdout


def test_what_examples_alone_run_is_missed_by_the_gate_of_properties(tmp_path: Path) -> None:
    run = run_gates(tmp_path, PROPERTY_TEST, EXAMPLE_TEST)

    assert run.returncode == 1, run.stdout
    assert "\n100.00 % of branches by the whole suite (at least 99.2 %)" in run.stdout
    # Two lines of `def` are run by the import, three by the property, three by the example.
    assert "FAILED 62.50 % of lines by the properties alone (at least 87 %)" in run.stdout
    assert run.stdout.splitlines()[-1].endswith("==="), "pytest's own summary comes last"


def test_a_run_that_covers_enough_by_properties_passes(tmp_path: Path) -> None:
    both = PROPERTY_TEST + EXAMPLE_TEST.replace("@pytest", "@pytest.mark.property\n@pytest", 1)
    run = run_gates(tmp_path, both)

    assert run.returncode == 0, run.stdout
    assert "FAILED" not in run.stdout


@pytest.mark.parametrize(("percent", "is_enough"), [(96.99, False), (97.0, True), (100.0, True)])
def test_the_least_is_enough(percent: float, is_enough: bool) -> None:
    told, verdict = gates.judge_one("of all", percent, 97.0)

    assert verdict is is_enough
    assert told.startswith("FAILED") is not is_enough


def test_the_gates_are_the_ones_that_were_promised() -> None:
    assert gates.LEAST_PERCENT_OF_BRANCHES >= 99.2
    assert gates.LEAST_PERCENT_OF_LINES_BY_PROPERTIES >= 87
