"""The result of one examination: its state, what was seen, and what to do about it."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass


class State(enum.StrEnum):
    """How it is; `skipped` is what nobody asked for."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's: no secret and no address stands in it."""

    name: str
    state: State
    told: str
    remedy: str = ""


Examination = Callable[[], Iterator[Finding]]


def ok(name: str, told: str) -> Finding:
    """As it should be."""
    return Finding(name, State.OK, told)


def warn(name: str, told: str, remedy: str) -> Finding:
    """The service works, and should be looked after."""
    return Finding(name, State.WARNING, told, remedy)


def fail(name: str, told: str, remedy: str) -> Finding:
    """Something does not work, or is not safe."""
    return Finding(name, State.FAILED, told, remedy)
