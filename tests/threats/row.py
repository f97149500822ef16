"""What a row of the reviewer's table is made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Proof:
    """Tests of one file below `tests/`, by their names."""

    file: str
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """One requirement: what must not happen, where that is seen to, and what proves it.

    `files` are files of the product. `open` says what is missing or left to the operator, and
    why; without a proof there must be such a sentence.
    """

    id: str
    requirement: str
    files: tuple[str, ...]
    proofs: tuple[Proof, ...] = ()
    open: str = ""


def by(file: str, *tests: str) -> Proof:
    """Shorter to write: the tests without their `test_`."""
    return Proof(f"tests/{file}.py", tuple(f"test_{name}" for name in tests))
