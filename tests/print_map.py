"""Prints the map of ARCHITECTURE.md: every module with its first sentence."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ("config", "filesvc", "security", "errors")
ARCHITECTURE = ROOT / "ARCHITECTURE.md"
BEGIN, END = "<!-- map: begin -->\n", "<!-- map: end -->\n"


def first_sentence(path: Path) -> str:
    """The first line of a module's docstring."""
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    return " ".join(text.partition("\n\n")[0].split())


def print_map() -> str:
    """One table for each package, its files in the order of their names."""
    lines = []
    for floor in FLOORS:
        lines += ["", f"**{floor}/** {first_sentence(ROOT / floor / '__init__.py')}", ""]
        lines += ["| file | its job |", "| --- | --- |"]
        for path in sorted((ROOT / floor).rglob("*.py")):
            if path.name == "__init__.py" and path.parent.name != "processors":
                continue
            if "migrations" not in path.parts:
                lines.append(f"| `{path.relative_to(ROOT / floor)}` | {first_sentence(path)} |")
    return "\n".join(lines) + "\n\n"


def with_map(text: str) -> str:
    """The page with the map put in its place."""
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}{print_map()}{END}{after}"


if __name__ == "__main__":
    if "--write" in sys.argv:
        ARCHITECTURE.write_text(with_map(ARCHITECTURE.read_text()))
    else:
        sys.stdout.write(with_map(ARCHITECTURE.read_text()))
