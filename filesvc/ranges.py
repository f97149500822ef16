"""Which part of a file a client asks for: one range of bytes (RFC 9110, 14.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from errors import catalogue

_RANGE = re.compile(r"bytes=(?P<first>[0-9]{0,19})-(?P<last>[0-9]{0,19})", re.ASCII)


@dataclass(frozen=True)
class Span:
    """Bytes `first` to `last`, both included."""

    first: int
    last: int

    @property
    def length_bytes(self) -> int:
        return self.last - self.first + 1


def parse_range(header: str, size_bytes: int) -> Span | None:
    """One range of a file of that size, or None when the header is to be ignored.

    Several ranges, another unit and what is no range at all are ignored, which RFC 9110
    allows (14.2). Raises RangeNotSatisfiable.
    """
    match = _RANGE.fullmatch(header)
    if not match or not (match["first"] or match["last"]):
        return None
    if not match["first"]:
        first, last = max(0, size_bytes - int(match["last"])), size_bytes - 1
    else:
        first = int(match["first"])
        last = min(int(match["last"]), size_bytes - 1) if match["last"] else size_bytes - 1
        if match["last"] and int(match["last"]) < first:
            return None  # not a valid range, so no range at all
    if first >= size_bytes:
        raise catalogue.RangeNotSatisfiable(size_bytes=size_bytes)
    return Span(first, last)
