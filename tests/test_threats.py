"""The reviewer's table: every requirement has a live test, or says openly why not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.print_threats import ARCHITECTURE, print_table, with_table
from tests.threats.mistakes import find_missing_tests, find_mistakes
from tests.threats.row import Proof, Row
from tests.threats.table import IDS, all_rows


def test_every_requirement_has_files_and_tests_that_are_there() -> None:
    assert list(find_mistakes(all_rows(), IDS)) == []


def test_the_table_stands_in_the_page() -> None:
    page = ARCHITECTURE.read_text()

    assert with_table(page) == page


@pytest.mark.parametrize("each", IDS)
def test_a_requirement_without_its_row_is_missed(each: str) -> None:
    rows = [row for row in all_rows() if row.id != each]

    assert list(find_mistakes(rows, IDS)) == [f"{each} has no row"]


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        ({"proofs": ()}, "neither a test nor a reason"),
        ({"files": ()}, "no file of the product"),
        ({"files": ("security/gone.py",)}, "security/gone.py is gone"),
        ({"proofs": (Proof("tests/test_gone.py", ("test_a",)),)}, "tests/test_gone.py is gone"),
        ({"proofs": (Proof("tests/test_threats.py", ()),)}, "named without a test"),
        ({"proofs": (Proof("tests/test_threats.py", ("test_gone",)),)}, "no live test test_gone"),
        ({"id": "S-99"}, "S-99 is no requirement"),
    ],
)
def test_a_row_that_proves_nothing_is_found(change: dict[str, object], mistake: str) -> None:
    row = replace(all_rows()[0], **change)  # type: ignore[arg-type]  # fields of several types

    mistakes = list(find_mistakes([row, *all_rows()[1:]], IDS))

    assert [each for each in mistakes if mistake in each]


def test_a_test_that_never_runs_or_checks_nothing_is_no_proof(tmp_path: Path) -> None:
    path = tmp_path / "test_a.py"
    path.write_text(
        'def test_empty():\n    """A sentence."""\n    pass\n\n'
        "@pytest.mark.skip\ndef test_skipped():\n    assert 1 == 2\n\n"
        "def test_unchecked():\n    answer = ask()\n    print(answer)\n\n"
        "def test_constant():\n    ask()\n    assert True\n\n"
    )
    names = ("test_empty", "test_skipped", "test_unchecked", "test_constant")

    told = list(find_missing_tests(Proof("tests/test_a.py", names), path))

    assert [each.rpartition(" ")[2] for each in told] == list(names)


@pytest.mark.parametrize(
    "check",
    [
        "assert ask() == 1",
        "with pytest.raises(ValueError):\n        ask()",
        "assert_problem(ask(), 503)",
        "client.assert_refused(ask())",
        "run_state_machine_as_test(Machine)",
    ],
)
def test_a_test_that_can_fail_is_a_proof(check: str, tmp_path: Path) -> None:
    path = tmp_path / "test_a.py"
    path.write_text(f"def test_live():\n    {check}\n")

    assert list(find_missing_tests(Proof("tests/test_a.py", ("test_live",)), path)) == []


def test_what_is_open_can_be_read_in_the_page() -> None:
    rows: list[Row] = [row for row in all_rows() if row.open]

    assert rows
    for row in rows:
        assert f"**Open:** {row.open}." in print_table()
