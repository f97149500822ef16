"""Every fault of the catalogue has its test, and the table says what the tests saw."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import print_faults
from tests.faults.report import add_rows
from tests.print_faults import BEGIN, END, Marked, find_marked, find_mistakes, read_table


def test_every_fault_has_its_test_and_its_row() -> None:
    page = print_faults.ARCHITECTURE.read_text()

    assert list(find_mistakes(list(find_marked()), read_table(page))) == []


@pytest.fixture
def whole() -> list[Marked]:
    """A test for each fault."""
    return [Marked((number, "it breaks"), "test_it.py", False) for number in range(1, 51)]


def test_a_fault_without_a_test_is_missed(whole: list[Marked]) -> None:
    table = {each.key: "" for each in whole}
    del whole[4]

    assert list(find_mistakes(whole, table)) == [
        "fault 5 has no test and no reason why it has none",
        "fault 5 is not provoked on every run",
        "the table names fault 5, it breaks: no test has it",
    ]


def test_a_fault_without_a_row_is_missed(whole: list[Marked]) -> None:
    table = {each.key: "" for each in whole[1:]}

    assert list(find_mistakes(whole, table)) == ["fault 1 is missing in the table"]


def test_marks_are_found_wherever_they_stand(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "@pytest.mark.fault(1, 'one')\ndef test_a(): ...\n"
        "@pytest.mark.slow_fault\n"
        "@pytest.mark.parametrize('x', [pytest.param(1, marks=pytest.mark.fault(2, 'two'))])\n"
        "def test_b(x): ...\n"
    )

    found = [(each.key, each.is_slow) for each in find_marked(tmp_path)]

    assert found == [((1, "one"), False), ((2, "two"), True)]


def test_what_a_run_did_not_provoke_keeps_its_line() -> None:
    rows = [{"number": 1, "fault": "a", "saw": "503", "left": "nothing", "repaired": "at once"}]
    page = f"{BEGIN}| # | fault |\n| 1 | a | old | x | y |\n| 2 | b | kept | x | y |\n{END}"

    table = print_faults.print_table(rows, read_table(page), {(1, "a"), (2, "b")})

    assert "| 1 | a | 503 | nothing | at once |\n| 2 | b | kept | x | y |\n" in table


def test_rows_of_an_earlier_run_give_way_to_those_of_the_same_fault() -> None:
    old = [row(1, "old"), row(2, "old")]

    assert add_rows(old, [row(1, "new"), row(1, "new")]) == [row(1, "new"), row(2, "old")]


def row(number: int, saw: str) -> dict[str, object]:
    return {"number": number, "fault": "a", "saw": saw, "left": "", "repaired": ""}
