"""What is wrong with the reviewer's table: ids that lack a proof, proofs that are gone."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.threats.row import Proof, Row

ROOT = Path(__file__).resolve().parent.parent.parent
# Calls that fail by themselves.
CHECKS = {"raises", "fail", "run_state_machine_as_test"}


def find_mistakes(rows: list[Row], ids: list[str], root: Path = ROOT) -> Iterator[str]:
    """One line for each mistake."""
    told = Counter(row.id for row in rows)
    yield from (f"{each} has no row" for each in ids if each not in told)
    yield from (f"{each} is no requirement" for each in told if each not in ids)
    yield from (f"{each} has {count} rows" for each, count in told.items() if count > 1)
    for row in rows:
        yield from (f"{row.id}: {mistake}" for mistake in find_mistakes_of(row, root))


def find_mistakes_of(row: Row, root: Path) -> Iterator[str]:
    """What is wrong with one row."""
    if not row.proofs and not row.open:
        yield "neither a test nor a reason why there is none"
    if not row.files:
        yield "no file of the product"
    yield from (f"{file} is gone" for file in row.files if not (root / file).is_file())
    for proof in row.proofs:
        yield from find_missing_tests(proof, root / proof.file)


def find_missing_tests(proof: Proof, path: Path) -> Iterator[str]:
    """The named tests that are not there, or that never run."""
    if not path.is_file():
        yield f"{proof.file} is gone"
        return
    if not proof.tests:
        yield f"{proof.file} is named without a test"
    live = read_live_tests(path)
    for name in proof.tests:
        if name not in live:
            yield f"{proof.file} has no live test {name}"


@cache
def read_live_tests(path: Path) -> set[str]:
    """The tests of a file that can fail: not skipped, and with something to check in them."""
    return {
        node.name
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef)
        and node.name.startswith("test_")
        and not any("skip" in ast.unparse(each) for each in node.decorator_list)
        and has_check(node)
    }


def has_check(test: ast.FunctionDef) -> bool:
    """True when something in the body can fail: an assertion, or a call that is one."""
    return any(is_check(node) for statement in test.body for node in ast.walk(statement))


def is_check(node: ast.AST) -> bool:
    """An assertion of something, or a call that is one: `raises`, `assert_problem`."""
    if isinstance(node, ast.Assert):
        return not isinstance(node.test, ast.Constant)
    if not isinstance(node, ast.Call):
        return False
    name = ast.unparse(node.func).rpartition(".")[2]
    return name.startswith("assert_") or name in CHECKS
