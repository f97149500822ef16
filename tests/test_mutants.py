"""The mutation driver: which mutants are drawn, how they are tried, and what the score counts."""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.mutants.__main__ import EXPLAINED, percent_of
from tests.mutants.drawing import apply_mutant, draw_mutants, find_idle_spans, show_change
from tests.mutants.session import Result, Session, count, digest_of, is_explained, open_session
from tests.mutants.tests_of import ROOT, USERS, find_tests, list_modules
from tests.mutants.watching import Asked

SOURCE = """
from __future__ import annotations

if TYPE_CHECKING:
    from size import Size

LIMIT: int | None = 1 | 2

def check(size: int | None, least: int = 3) -> int | None:
    return size if size and size > least else None
"""
MODULE = "security/size.py"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of one module and its test."""
    for name in (MODULE, "tests/security/test_size.py", "tests/conftest.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("one = 1\n")
    return tmp_path


@pytest.mark.parametrize("module", list_modules())
def test_every_module_has_tests_to_ask(module: str) -> None:
    for path in find_tests(module):
        assert (ROOT / path).is_file(), path


def test_a_module_without_tests_is_told() -> None:
    with pytest.raises(LookupError):
        find_tests("security/nobody_tests_this.py")


def test_what_is_named_for_other_tests_is_there() -> None:
    assert set(USERS) <= set(list_modules())
    assert set(json.loads(EXPLAINED.read_text())) <= set(list_modules())


# --- which mutants there are ----------------------------------------------------------


def test_what_no_run_evaluates_is_left_out_and_nothing_else() -> None:
    lines = SOURCE.splitlines()

    spans = list(find_idle_spans(ast.parse(SOURCE)))
    told = [lines[a[0] - 1][a[1] : b[1] if a[0] == b[0] else None] for a, b in spans]

    assert sorted(told) == ["if TYPE_CHECKING:", "int", "int | None", "int | None", "int | None"]


@pytest.mark.parametrize(
    "module", ["security/size.py", "errors/problem.py", "security/structure/xml_parts.py"]
)
def test_every_mutant_changes_lines_of_its_module(module: str) -> None:
    source = (ROOT / module).read_text()

    for mutant in draw_mutants(source):
        changed = apply_mutant(source, mutant)
        assert "\n+" in show_change(source, changed) or len(changed) < len(source)


@settings(max_examples=20)  # the operators are many
@given(sample=st.integers(0, 60), seed=st.integers(0, 3))
def test_a_sample_is_the_same_each_time(sample: int, seed: int) -> None:
    whole = draw_mutants(SOURCE)

    drawn = draw_mutants(SOURCE, sample, seed)

    assert drawn == draw_mutants(SOURCE, sample, seed)
    assert len({mutant.key for mutant in drawn}) == min(sample, len(whole))
    assert set(drawn) <= set(whole)


def test_a_diff_is_its_changed_lines() -> None:
    assert show_change("same\nold \nsame\n", "same\nnew\nsame\n") == "-old\n+new"


# --- what is kept of a run ------------------------------------------------------------


def result(key: str, outcome: str = "killed", diff: str = "-a\n+b") -> Result:
    return Result(key, diff, outcome, "test_it", 0.1)


def open_in(project: Path) -> Session:
    return open_session(MODULE, project / "var", project)


def test_a_run_that_was_broken_off_goes_on(project: Path) -> None:
    session = open_in(project)
    session.add(result("one"))
    session.add(result("two", "survived"))
    with session.path.open("a") as file:
        file.write('{"key": "thr')

    assert open_in(project).results == session.results
    open_in(project).add(result("three"))
    assert set(open_in(project).results) == {"one", "two", "three"}


@pytest.mark.parametrize("name", [MODULE, "tests/security/test_size.py", "tests/conftest.py"])
def test_another_module_or_other_tests_are_tried_anew(project: Path, name: str) -> None:
    open_in(project).add(result("one"))
    before = digest_of(MODULE, project)

    (project / name).write_text("one = 2\n")

    assert digest_of(MODULE, project) != before
    assert open_in(project).results == {}


# --- the order and the clock ----------------------------------------------------------


def test_the_test_that_notices_most_in_a_second_comes_first() -> None:
    asked = Asked(seconds={"slow": 2.0, "quick": 0.1, "keen": 0.1})
    asked.kills["keen"] = 3

    assert sorted(["slow", "quick", "keen"], key=asked.order) == ["keen", "quick", "slow"]


@given(st.floats(0, 1000))
def test_a_test_may_take_some_times_as_long_as_without_a_mutant(seconds: float) -> None:
    assert Asked(seconds={"test": seconds}).limit("test") > 3 * seconds
    assert Asked().limit("test") >= 1


def test_a_reason_is_for_one_change_or_for_every_change_of_a_line() -> None:
    reasons = {"-a = 1": "how much is read at once", "-b = 1\n+b = 2": "the same"}

    assert is_explained("-a = 1\n+a = 2", reasons)
    assert is_explained("-b = 1\n+b = 2", reasons)
    assert not is_explained("-b = 1\n+b = 3", reasons)
    assert not is_explained("-a = 10\n+a = 2", reasons)


# --- the score ------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20)), min_size=1))
def test_the_score_is_what_was_noticed_or_is_explained(
    counts: list[tuple[int, int, int]],
) -> None:
    outcomes, explained = [], {}
    for number, (killed, known, unknown) in enumerate(counts):
        module, survivor = f"m{number}.py", result("", "survived")
        explained[module] = {f"-known {n}": "changes nothing" for n in range(known)}
        results = [result("", outcome) for outcome in ["late", *["killed"] * killed][:killed]]
        results += [replace(survivor, diff=diff) for diff in explained[module]]
        results += [replace(survivor, diff=f"-unknown {n}") for n in range(unknown)]
        outcomes.append(count(module, results, explained))

    noticed = sum(killed + known for killed, known, _ in counts)
    tried = sum(sum(each) for each in counts)
    assert percent_of(outcomes) == pytest.approx(100 * noticed / tried if tried else 100)
    assert [len(outcome.survivors) for outcome in outcomes] == [each[2] for each in counts]
