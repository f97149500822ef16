"""Prints the table of faults in ARCHITECTURE.md, and checks that every fault has its test."""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.faults.report import CELLS, read_rows  # noqa: E402

ARCHITECTURE = ROOT / "ARCHITECTURE.md"
REPORT = ROOT / "var" / "faults.json"
BEGIN, END = "<!-- faults: begin -->\n", "<!-- faults: end -->\n"
HEAD = ["", "| # | fault | what the client sees | what is left | repaired |"]
HEAD.append("| --- | --- | --- | --- | --- |")

# The catalogue has fifty faults; these are provoked on every run, the others by `make faults`.
CATALOGUE = range(1, 51)
EVERY_RUN = {*range(1, 9), *range(13, 18), *range(22, 28), *range(30, 36)}
EVERY_RUN |= {38, 39, *range(41, 46), 50}
CANNOT_BE_HAD: dict[int, tuple[str, str]] = {}

Key = tuple[int, str]


@dataclass(frozen=True)
class Marked:
    """A place in the tests that says which fault it provokes."""

    key: Key
    path: str
    is_slow: bool


def find_marked(folder: Path = ROOT / "tests") -> Iterator[Marked]:
    """Every `pytest.mark.fault(number, name)` in the sources of the tests."""
    for path in sorted(folder.rglob("*.py")):
        tree = ast.parse(path.read_text())
        whole_is_slow = any(
            _is_slow(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign) and "pytestmark" in map(ast.unparse, node.targets)
        )
        for node in tree.body:
            is_slow = whole_is_slow or (isinstance(node, ast.FunctionDef) and _is_decorated(node))
            for key in _faults_in(node):
                yield Marked(key, str(path.relative_to(folder)), is_slow)


def _is_slow(node: ast.expr) -> bool:
    return "mark.slow_fault" in ast.unparse(node)


def _is_decorated(function: ast.FunctionDef) -> bool:
    return any(_is_slow(decorator) for decorator in function.decorator_list)


def _faults_in(node: ast.stmt) -> Iterator[Key]:
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.fault":
            number, name = (ast.literal_eval(argument) for argument in call.args)
            yield number, name


def read_table(page: str) -> dict[Key, str]:
    """The lines of the committed table, by fault."""
    lines = page.split(BEGIN)[1].split(END)[0].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {
        (int(row[0]), row[1]): line
        for row, line in zip(cells, lines, strict=True)
        if row[0].isdigit()
    }


def print_table(rows: list[dict[str, Any]], before: dict[Key, str], marked: set[Key]) -> str:
    """What this run found out; where it found out nothing, what stands there already."""
    found: dict[Key, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["number"], row["fault"]].append(row)
    lines = {key: line for key, line in before.items() if key in marked}
    lines |= {key: print_line(key, told) for key, told in found.items() if key in marked}
    for number, (name, reason) in CANNOT_BE_HAD.items():
        lines[number, name] = f"| {number} | {name} | {reason} | | |"
    return "\n".join([*HEAD, *(lines[key] for key in sorted(lines))]) + "\n\n"


def print_line(key: Key, rows: list[dict[str, Any]]) -> str:
    """One fault; where its tests saw different things, each of them."""
    number, name = key
    cells = ["; ".join(dict.fromkeys(str(row[cell]) for row in rows)) for cell in CELLS]
    return f"| {number} | {name} | {' | '.join(cells)} |"


def find_mistakes(marked: list[Marked], table: dict[Key, str]) -> Iterator[str]:
    """One line for each fault that is missing somewhere."""
    keys = {each.key for each in marked}
    tested = {number for number, _ in keys}
    always = {each.key[0] for each in marked if not each.is_slow}
    for number in CATALOGUE:
        if number not in tested and number not in CANNOT_BE_HAD:
            yield f"fault {number} has no test and no reason why it has none"
        if number not in {told for told, _ in table}:
            yield f"fault {number} is missing in the table"
    for number in sorted(EVERY_RUN - always):
        yield f"fault {number} is not provoked on every run"
    stated = {(number, name) for number, (name, _) in CANNOT_BE_HAD.items()}
    for number, name in sorted(set(table) - keys - stated):
        yield f"the table names fault {number}, {name}: no test has it"


def main(arguments: list[str]) -> None:
    """`--write` puts the table in its place, `--check` finds what is missing."""
    page, marked = ARCHITECTURE.read_text(), list(find_marked())
    if "--check" in arguments:
        mistakes = list(find_mistakes(marked, read_table(page)))
        raise SystemExit("\n".join(mistakes) or None)
    table = print_table(read_rows(REPORT), read_table(page), {each.key for each in marked})
    before, rest = page.split(BEGIN)
    page = f"{before}{BEGIN}{table}{END}{rest.split(END)[1]}"
    if "--write" in arguments:
        ARCHITECTURE.write_text(page)
    else:
        sys.stdout.write(table)


if __name__ == "__main__":
    main(sys.argv[1:])
