"""A mutant is tried in a forked process, noticed by a test or the clock, and leaves nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.mutants.swapping import Noting, find_first_line, swap
from tests.mutants.tests_of import ROOT
from tests.mutants.trying import ask, environment, make_copy, warm_process

SOURCE = '''"""A module."""

LIMIT = 3


@str
def named(number=1):
    def inner():
        return number + 1

    return inner()


class Box:
    size = 4

    @property
    def half(self):
        return self.size / 2
'''


@pytest.mark.parametrize(
    ("text", "first_line"),
    [("LIMIT = 3", None), ("number=1", None), ("size = 4", None), ("+ 1", 6), ("/ 2", 17)],
)
def test_only_what_is_inside_a_function_can_be_swapped(text: str, first_line: int | None) -> None:
    number, line = next((n, line) for n, line in enumerate(SOURCE.split("\n"), 1) if text in line)
    start, end = (number, line.index(text)), (number, line.index(text) + len(text))

    assert find_first_line(ast.parse(SOURCE), start, end) == first_line


def test_every_reference_to_a_swapped_function_means_the_new_one(tmp_path: Path) -> None:
    path = str(tmp_path / "box.py")
    names: dict[str, Any] = {"__name__": "box"}
    exec(compile(SOURCE.replace("@str", ""), path, "exec"), names)  # noqa: S102 - our own source
    named, box = names["named"], names["Box"]()

    assert swap(SOURCE.replace("@str", "").replace("+ 1", "+ 7"), path, 7)
    assert swap(SOURCE.replace("@str", "").replace("/ 2", "/ 4"), path, 17)

    assert (named(), box.half) == (8, 1)


def test_what_does_not_compile_is_not_swapped(tmp_path: Path) -> None:
    assert not swap(SOURCE.replace("+ 1", "+"), str(tmp_path / "box.py"), 6)


def test_it_is_noted_which_functions_were_called(tmp_path: Path) -> None:
    path = str(tmp_path / "box.py")
    called_at_import = SOURCE.replace("@str", "") + "HALF = Box().half\n"
    noting = Noting(path)

    noting.start()
    exec(compile(called_at_import, path, "exec"), {"__name__": "box"})  # noqa: S102 - our own
    noting.stop()

    assert {7, 17} & noting.first_lines == {17}


COUNTS = "security/counts.py"


def test_a_mutant_is_noticed_in_a_function_and_outside_and_none_where_nothing_is_changed(
    tmp_path: Path,
) -> None:
    source = (ROOT / COUNTS).read_text()
    place = {"start": (1, 0), "end": (1, 1)}
    copy = make_copy(tmp_path / "copy")
    inside = next(node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Return))
    body = {"start": (inside.lineno, 7), "end": (inside.lineno, 8)}

    with warm_process(copy, COUNTS) as warm:
        outside = ask(warm, {"source": source + "\nraise KeyError\n", **place})
        unchanged = [ask(warm, {"source": source, **each}) for each in (place, body)]
        wrong = source.replace("type(value) is not int", "type(value) is int")
        noticed = ask(warm, {"source": wrong, **body})

    assert outside["outcome"] == "killed"
    assert [each["outcome"] for each in unchanged] == ["survived", "survived"]
    assert (noticed["outcome"], noticed["by"].partition("::")[0]) == (
        "killed",
        "tests/security/test_counts.py",
    )
    assert (copy / COUNTS).read_text() == source


ENDLESS = """
import json, os, signal
from pathlib import Path
from typing import Any
from tests.mutants.forking import adopt_orphans, fork_run

def begin():
    os.setsid()
    os.fork()
    signal.pause()

def quick():
    os._exit(7)

adopt_orphans()
late, soon = fork_run(begin, 0.1), fork_run(quick, 60)
children = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
print(json.dumps([late.status, soon.status, children]))
"""


def test_a_run_that_is_late_is_ended_with_all_it_has_started() -> None:
    told = subprocess.run(
        [sys.executable, "-c", ENDLESS],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert told.stdout.strip() == '[null, 7, ""]'
