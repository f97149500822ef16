"""What a repair is: something to find, and what is done about each one that is found."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import structlog

from errors.metrics import REPAIRS

log = structlog.get_logger("sweeper")


class NotNow(Exception):
    """Raised by `mend` when the rest of this round would fail as well."""


@dataclass(frozen=True)
class Repair:
    """One way in which something is left half done.

    `find` yields what needs it, `mend` does it and returns False when somebody else was
    faster. Both are safe when two sweepers run. What is found by its age is held back for
    `confirm_seconds` by a clock that cannot be set, so that a step of the system's clock
    alone removes nothing. `is_alarming` ones are reported.
    """

    name: str
    every_seconds: float
    find: Callable[[], Iterable[Any]]
    mend: Callable[[Any], bool]
    confirm_seconds: float = 0.0
    is_alarming: bool = False


def mend_all(repair: Repair, found: Iterable[Any]) -> int:
    """Mend what was found; one log line and the counter tell how many it were."""
    mended = 0
    try:
        for item in found:
            mended += repair.mend(item)
    except NotNow:
        pass
    finally:
        if mended:
            REPAIRS.labels(repair=repair.name).inc(mended)
            tell = log.error if repair.is_alarming else log.info
            tell("sweep.repaired", repair=repair.name, count=mended)
    return mended
