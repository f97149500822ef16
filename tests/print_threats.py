"""Prints the reviewer's table into ARCHITECTURE.md: `--write`, or `--check` that it is there."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.threats.mistakes import find_mistakes  # noqa: E402
from tests.threats.row import Proof, Row  # noqa: E402
from tests.threats.table import CHAPTERS, IDS, all_rows  # noqa: E402

ARCHITECTURE = ROOT / "ARCHITECTURE.md"
BEGIN, END = "<!-- threats: begin -->\n", "<!-- threats: end -->\n"


def print_table() -> str:
    """One table for each chapter."""
    lines = []
    for chapter in CHAPTERS:
        lines += ["", f"**{chapter.TITLE}**", "", "| id | what holds | where | proof |"]
        lines += ["| --- | --- | --- | --- |", *map(print_row, chapter.ROWS)]
    return "\n".join(lines) + "\n\n"


def print_row(row: Row) -> str:
    """One requirement as a line; what is open stands in its last cell."""
    files = ", ".join(f"`{file}`" for file in row.files)
    proofs = "; ".join(map(print_proof, row.proofs))
    left = f"**Open:** {row.open}." if row.open else ""
    return f"| {row.id} | {row.requirement} | {files} | {'. '.join(filter(None, (proofs, left)))} |"


def print_proof(proof: Proof) -> str:
    """`file`: its tests."""
    return f"`{proof.file}`: {', '.join(f'`{name}`' for name in proof.tests)}"


def with_table(page: str) -> str:
    """The page with the table in its place."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}{print_table()}{END}{rest.split(END)[1]}"


def main(arguments: list[str]) -> None:
    """Print, write, or find what is wrong."""
    page = ARCHITECTURE.read_text()
    if "--check" in arguments:
        mistakes = list(find_mistakes(all_rows(), IDS))
        if with_table(page) != page:
            mistakes.append("ARCHITECTURE.md is not what `tests/print_threats.py --write` writes")
        raise SystemExit("\n".join(mistakes) or None)
    if "--write" in arguments:
        ARCHITECTURE.write_text(with_table(page))
    else:
        sys.stdout.write(print_table())


if __name__ == "__main__":
    main(sys.argv[1:])
