"""Says what is wrong: asks each part, proves each limit, compares rows with bytes and queue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from errors.base import ServiceError
from filesvc.doctor.finding import Examination, Finding, State

Group = tuple[Examination, ...]
OK, FAILED, UNKNOWN = 0, 1, 2


def examine(groups: Iterable[Group]) -> Iterator[Finding]:
    """One examination after the other; one that breaks is told of and stops no other."""
    for group in groups:
        for examination in group:
            yield from _examine_safely(examination)


def exit_status(findings: Iterable[Finding]) -> int:
    """1 when something is wrong, else 2 when something could not be told, else 0."""
    states = {finding.state for finding in findings}
    if State.FAILED in states:
        return FAILED
    return UNKNOWN if State.UNKNOWN in states else OK


def _examine_safely(examination: Examination) -> Iterator[Finding]:
    try:
        yield from examination()
    except Exception as error:  # noqa: BLE001 - whatever it is, the others are still to be examined
        name = examination.__name__.removeprefix("examine_").replace("_", " ")
        why = error.code if isinstance(error, ServiceError) else type(error).__name__
        yield Finding(name, State.UNKNOWN, f"could not be told: {why}", "mend what failed above")
