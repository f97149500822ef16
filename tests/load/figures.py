"""Figures of a measurement: percentiles, and lines as a Markdown table or as CSV."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

Figure = str | int | float
Line = dict[str, Figure]


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least so many percent of all do not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(len(ranked) * percent / 100) - 1)]


def tell(value: Figure) -> str:
    """A figure as a reader wants it: no digit that the measurement does not bear."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) or value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def print_table(lines: Sequence[Line]) -> None:
    """The lines in Markdown; the columns are those of the first."""
    columns = list(lines[0])
    marks = ["---" if isinstance(lines[0][name], str) else "---:" for name in columns]
    for cells in (columns, marks, *([tell(line[name]) for name in columns] for line in lines)):
        print("| " + " | ".join(cells) + " |", flush=True)


def write_csv(path: str | None, lines: Sequence[Line]) -> None:
    """The lines with every digit, where a path is given."""
    if not path:
        return
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with Path(path).open("w", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)


def read_table(text: str) -> list[Line]:
    """The lines of the first Markdown table in a text, as they are told there."""
    rows = [line[2:-2].split(" | ") for line in text.splitlines() if line.startswith("| ")]
    columns, _, *told = rows
    told = told[: next((n for n, cells in enumerate(told) if cells == columns), len(told))]
    return [dict(zip(columns, cells, strict=True)) for cells in told]


def read_csv(path: str) -> list[dict[str, str]]:
    """The lines of such a file."""
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))
