"""What a processor is given, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from errors.base import ServiceError
from filesvc.metadata import Form


def tell_nobody(stage: str, percent: int) -> None:
    """For work nobody waits to see."""


@dataclass(frozen=True)
class Subject:
    """One kept file, open at its start.

    `report` takes a stage (a word) and how much of the work is done (percent).
    """

    media_type: str
    size_bytes: int
    sha256: str
    source: BinaryIO
    report: Callable[[str, int], None] = tell_nobody


@dataclass(frozen=True)
class Description:
    """What was found out.

    `preview` is a WebP of at most 512 pixels a side. `refusal` is what keeps a readable file
    from being handed out: it is quarantined, and what was found out is told all the same.
    """

    metadata: Form
    preview: bytes | None = None
    refusal: ServiceError | None = None


# Reads the subject to its end; raises an error of the catalogue for a file that is not what
# it seemed.
Processor = Callable[[Subject], Description]
