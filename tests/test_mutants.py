"""The mutation driver: every module has tests to ask, and the score counts what was noticed."""

from __future__ import annotations

import ast
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.mutants.__main__ import EXPLAINED, explain, percent_of
from tests.mutants.session import Outcome, find_idle_spans, short
from tests.mutants.tests_of import ROOT, USERS, find_tests, list_modules

SOURCE = """
from __future__ import annotations

LIMIT: int | None = 1 | 2

def check(size: int | None, least: int = 3) -> int | None:
    return size if size and size > least else None
"""


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


def test_annotations_are_left_out_and_nothing_else() -> None:
    lines = SOURCE.splitlines()

    told = [lines[a[0] - 1][a[1] : b[1]] for a, b in find_idle_spans(ast.parse(SOURCE))]

    assert sorted(told) == ["int", "int | None", "int | None", "int | None"]


def test_a_diff_is_its_changed_lines() -> None:
    diff = "--- a\n+++ b\n@@ -1 +1 @@\n same\n-old \n+new\n"

    assert short(diff) == "-old\n+new"


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20)), min_size=1))
def test_the_score_is_what_was_noticed_or_is_explained(
    counts: list[tuple[int, int, int]],
) -> None:
    outcomes, explained = [], {}
    for number, (killed, known, unknown) in enumerate(counts):
        module = f"m{number}.py"
        explained[module] = {f"-known {n}": "changes nothing" for n in range(known)}
        survivors = [*explained[module], *(f"-unknown {n}" for n in range(unknown))]
        outcome = Outcome(module, killed, survivors)
        outcome.survivors = explain(outcome, explained)
        outcomes.append(outcome)

    noticed = sum(killed + known for killed, known, _ in counts)
    tried = sum(sum(each) for each in counts)
    assert percent_of(outcomes) == pytest.approx(100 * noticed / tried if tried else 100)
    assert all(len(o.survivors) == c[2] for o, c in zip(outcomes, counts, strict=True))
