"""What the doctor sees, by the names of its findings."""

from __future__ import annotations

from filesvc.doctor import examine
from filesvc.doctor.finding import Examination, Finding, State


def see(*examinations: Examination) -> dict[str, Finding]:
    """The worst finding of each name."""
    order = [State.SKIPPED, State.OK, State.WARNING, State.UNKNOWN, State.FAILED]
    findings = sorted(examine([examinations]), key=lambda one: order.index(one.state))
    return {finding.name: finding for finding in findings}


def states(seen: dict[str, Finding]) -> dict[str, str]:
    """Their states."""
    return {name: str(finding.state) for name, finding in seen.items()}
