"""Texts to try: tables and JSON of any size, and files that go on for ever."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable


def table(rows: Iterable[Iterable[object]], delimiter: str = ",", line_end: str = "\r\n") -> str:
    """A CSV as Python's `csv` writes it."""
    target = io.StringIO(newline="")
    csv.writer(target, delimiter=delimiter, lineterminator=line_end).writerows(rows)
    return target.getvalue()


class Endless(io.RawIOBase):
    """A file of that many bytes that repeats a few, and takes no memory."""

    def __init__(self, unit: bytes, size_bytes: int) -> None:
        self._block = unit * (1 + 2 * 1024 * 1024 // len(unit))
        self._period, self._size_bytes, self._position = len(unit), size_bytes, 0
        self.most_read_bytes = 0

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._position = offset
        return offset

    def read(self, size: int = -1, /) -> bytes:
        size = min(size, self._size_bytes - self._position, 1024 * 1024)
        start = self._position % self._period
        self._position += size
        self.most_read_bytes = max(self.most_read_bytes, self._position)
        return self._block[start : start + size]
