"""Looks for fixed bytes in content that passes by in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from errors.base import ServiceError


def refuse_marks(
    pieces: Iterable[bytes], marks: tuple[bytes, ...], refusal: ServiceError
) -> Iterator[bytes]:
    """The pieces as they are, until one of the marks is in them, across their borders too.

    Raises the refusal.
    """
    overlap_bytes, before = max(map(len, marks)), b""
    for piece in pieces:
        seen = before + piece
        if any(mark in seen for mark in marks):
            raise refusal
        before = seen[-overlap_bytes:]
        yield piece
