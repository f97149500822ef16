"""All rows of the reviewer's table, and the ids there must be."""

from __future__ import annotations

from types import ModuleType

from tests.threats import (
    access,
    containers,
    errors,
    malware,
    names,
    sizes,
    supply,
    types,
    workers,
)
from tests.threats.row import Row

CHAPTERS: tuple[ModuleType, ...] = (
    sizes,
    types,
    containers,
    malware,
    names,
    access,
    errors,
    workers,
    supply,
)
# How many requirements each chapter has: none may vanish from the table.
REQUIREMENTS = {"S": 10, "T": 11, "A": 11, "V": 14, "F": 10, "H": 16, "E": 11, "W": 7, "C": 8}
IDS = [f"{letter}-{n:02}" for letter, count in REQUIREMENTS.items() for n in range(1, count + 1)]


def all_rows() -> list[Row]:
    """Every row, in the order of the chapters."""
    return [row for chapter in CHAPTERS for row in chapter.ROWS]
