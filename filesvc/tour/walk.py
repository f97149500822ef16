"""Takes the whole tour: one step after the other, shown as it goes, tidied up at the end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from filesvc.tour.client import Client
from filesvc.tour.display import Display
from filesvc.tour.steps import STEPS, Step, clean_up, open_walk, take

DEFAULT_URL = "http://127.0.0.1:8000"


def take_tour(
    url: str,
    token: str,
    picture: Path | None = None,
    steps: Sequence[Step] = STEPS,
    ca_file: Path | None = None,
) -> bool:
    """True when every step came out as expected; what the tour left there is removed.

    With `ca_file` only a service whose certificate is of that CA is spoken to.

    Raises NoTour when it cannot be taken, or not to its end.
    """
    display = Display(steps, picture)
    client = Client(url, token, display.wait_for, ca_file=ca_file)
    walk = open_walk(client)
    outcomes = []
    with display:
        try:
            for step in steps:
                outcomes.append(take(step, walk))
                display.show(outcomes[-1])
        finally:
            clean_up(walk)
        display.close(url)
    return all(outcome.is_as_expected for outcome in outcomes)
