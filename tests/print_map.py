"""Prints the generated parts of ARCHITECTURE.md: the map of modules and the table of errors."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from errors.catalogue import CATALOGUE, ProcessingError  # noqa: E402

FLOORS = ("config", "filesvc", "security", "errors")
ARCHITECTURE = ROOT / "ARCHITECTURE.md"


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


def print_errors() -> str:
    """One row for each code, by status."""
    lines = ["", "| code | status | title | retry | details |", "| --- | --- | --- | --- | --- |"]
    for error in sorted(CATALOGUE.values(), key=lambda error: (error.status, error.code)):
        status = "in the File" if issubclass(error, ProcessingError) else str(error.status)
        retry, details = "yes" if error.retryable else "no", ", ".join(error.meta_names())
        lines.append(f"| `{error.code}` | {status} | {error.title} | {retry} | {details} |")
    return "\n".join(lines) + "\n\n"


def with_generated(text: str) -> str:
    """The page with its generated parts put in their places."""
    for name, told in (("map", print_map()), ("errors", print_errors())):
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
        before, rest = text.split(begin)
        text = f"{before}{begin}{told}{end}{rest.split(end)[1]}"
    return text


if __name__ == "__main__":
    page = with_generated(ARCHITECTURE.read_text())
    if "--write" in sys.argv:
        ARCHITECTURE.write_text(page)
    else:
        sys.stdout.write(page)
