"""Rules of the suite and the sources that no linter knows: no sleeps, and no rule switched off
without its reason.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.stack import ROOT

FLOORS = ("config", "filesvc", "security", "errors", "docker", "tests")
WITHOUT_REASON = re.compile(r"# (type: ignore(\[[a-z, -]+\])?|pragma: no cover)\s*$")
# Sleeping is part of what they do: asking again, or being the fault that is to be survived.
MAY_SLEEP = {
    "tests/stack.py": "asks again until it is true",
    "tests/system/service.py": "asks again until it is true",
    "tests/docker/stack.py": "asks again until it is true",
    "tests/chaos/checker.py": "asks again until it is true",
    "tests/chaos/programs.py": "asks again until it is true",
    "tests/chaos/nemesis.py": "how long a fault lasts, and the time between two",
    "tests/filesvc/odd_program.py": "a program that hangs",
    "tests/filesvc/starts/silent.py": "a program that hangs",
}

# Measures, and judges nothing.
MEASURING = ROOT / "tests" / "load"


def list_sources(*floors: str) -> list[Path]:
    """Every Python file of these folders."""
    return [path for floor in floors for path in sorted((ROOT / floor).rglob("*.py"))]


def find_sleeps(path: Path) -> Iterator[int]:
    """The lines that sleep."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "sleep":
            yield node.lineno


def test_no_test_sleeps() -> None:
    sleeping = {
        str(path.relative_to(ROOT))
        for path in list_sources("tests")
        if MEASURING not in path.parents and list(find_sleeps(path))
    }

    assert sleeping <= set(MAY_SLEEP)


@pytest.mark.parametrize("floor", FLOORS)
def test_no_check_is_switched_off_without_its_reason(floor: str) -> None:
    bare = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in list_sources(floor)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if WITHOUT_REASON.search(line)
    ]

    assert bare == []


def test_no_file_is_left_out_of_the_coverage() -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["coverage"]

    assert "omit" not in told["run"]
    assert "omit" not in told["report"]
    assert not {"exclude_lines", "exclude_also"} & set(told["report"])
    assert set(told["run"]["source"]) == {"config", "filesvc", "security", "errors"}


def test_a_warning_is_an_error() -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]

    assert told["filterwarnings"][0] == "error"


def test_the_profiles_look_for_more_and_more() -> None:
    dev, ci, long = (settings.get_profile(name) for name in ("dev", "ci", "long"))

    assert dev.max_examples < ci.max_examples < long.max_examples
    assert (dev.derandomize, ci.derandomize, long.derandomize) == (False, True, False)


def test_what_hypothesis_drives_counts_as_a_property(request: pytest.FixtureRequest) -> None:
    marked = {
        item.nodeid.split("::")[-1].split("[")[0]
        for item in request.session.items
        if item.get_closest_marker("property")
    }
    driven = {
        item.nodeid.split("::")[-1].split("[")[0]
        for item in request.session.items
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
    }

    assert driven <= marked
