"""What every reader of a recording answers, and the part of a file that it lets mutagen see."""

from __future__ import annotations

from typing import BinaryIO, NamedTuple

from errors import catalogue
from filesvc.metadata import Tags


class Sound(NamedTuple):
    """One recording; `bitrate` in bits per second, 0 when the file does not tell."""

    codec: str
    seconds: float
    channels: int
    sample_rate: int
    bitrate: int
    tags: Tags


def average_bitrate(sound_bytes: int, seconds: float) -> int:
    """Bits per second over the whole of a recording."""
    return round(8 * sound_bytes / seconds) if seconds > 0 else 0


class Window:
    """A part of a file, of which only so much may be read, however often."""

    def __init__(self, source: BinaryIO, start: int, end: int, budget_bytes: int) -> None:
        self._source, self._start, self._end = source, start, end
        self._left_bytes = budget_bytes
        self._position = 0

    def read(self, size: int = -1) -> bytes:
        """Raises CorruptContent when a reader asks for more than such a file can need."""
        rest = max(0, self._end - self._start - self._position)
        size = rest if size < 0 else min(size, rest)
        self._left_bytes -= size
        if self._left_bytes < 0:
            raise catalogue.CorruptContent(note="audio header claims too much")
        self._source.seek(self._start + self._position)
        content = self._source.read(size)
        self._position += len(content)
        return content

    def seek(self, offset: int, whence: int = 0) -> int:
        """As files have it."""
        origin = (0, self._position, self._end - self._start)[whence]
        self._position = max(0, origin + offset)
        return self._position

    def tell(self) -> int:
        """As files have it."""
        return self._position
