"""What kind of values a column of a table holds: the narrowest type that fits all of them."""

from __future__ import annotations

import contextlib
import datetime
import re
from typing import Literal

ColumnType = Literal["integer", "number", "boolean", "date", "datetime", "text", "empty"]

# A leading zero makes a code (postal, telephone), not a number. Dates are ISO 8601 alone: of
# others nobody knows whether day or month comes first.
_FORMS = re.compile(
    r"(?P<integer>[+-]?(?:0|[1-9][0-9]*))"
    r"|(?P<number>[+-]?(?:(?:0|[1-9][0-9]*)?\.[0-9]+|(?:0|[1-9][0-9]*)\.?)(?:e[+-]?[0-9]+)?"
    r"|[+-]?inf(?:inity)?|nan)"
    r"|(?P<boolean>true|false)"
    r"|(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"|(?P<datetime>[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}"
    r"(?::[0-9]{2}(?:[.,][0-9]+)?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)",
    re.IGNORECASE,
)
_NAMES: dict[str, ColumnType] = {
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "date": "date",
    "datetime": "datetime",
}
_WIDER: dict[frozenset[ColumnType], ColumnType] = {
    frozenset(("integer", "number")): "number",
    frozenset(("date", "datetime")): "datetime",
}
# No number or time that means something is longer; a cell may be of megabytes.
MAX_TYPED_CHARACTERS = 64


def type_of(cell: str) -> ColumnType:
    """The type of one value; spaces around it say nothing."""
    value = cell.strip()
    if not value:
        return "empty"
    found = _FORMS.fullmatch(value) if len(value) <= MAX_TYPED_CHARACTERS else None
    kind: ColumnType | None = _NAMES.get(found.lastgroup or "") if found else None
    if kind is None or (kind in ("date", "datetime") and not _is_time(value)):
        return "text"
    return kind


def widen(one: ColumnType, other: ColumnType) -> ColumnType:
    """The narrowest type that holds the values of both; in the end `text` holds everything."""
    if one == other or other == "empty":
        return one
    if one == "empty":
        return other
    return _WIDER.get(frozenset((one, other)), "text")


def _is_time(value: str) -> bool:
    with contextlib.suppress(ValueError):
        datetime.datetime.fromisoformat(value)
        return True
    return False
