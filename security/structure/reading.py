"""Reads a container in bounded steps, and looks at what follows its end."""

from __future__ import annotations

from typing import BinaryIO

from errors import catalogue

STEP_BYTES = 256 * 1024


def read_exactly(source: BinaryIO, count: int) -> bytes:
    """That many bytes from where the source stands.

    Raises CorruptContent when the file ends before.
    """
    content = source.read(count)
    if len(content) < count:
        raise catalogue.CorruptContent(note="ends too early")
    return content


def skip_zeros(source: BinaryIO, position: int) -> int:
    """Where the first byte that is not zero stands, from `position` on; else the file's end."""
    source.seek(position)
    while block := source.read(STEP_BYTES):
        rest = block.lstrip(b"\0")
        position += len(block) - len(rest)
        if rest:
            return position
    return position


def check_ends(source: BinaryIO, end: int, size_bytes: int) -> None:
    """Nothing but zeros, which some programs pad with, follows the end of the container.

    Raises AmbiguousContent.
    """
    if end < size_bytes and skip_zeros(source, end) < size_bytes:
        raise catalogue.AmbiguousContent(note="bytes after the end")
