"""Whether the workers get on: told by what waits and what is held, not by whether they answer."""

from __future__ import annotations

from typing import Literal

from django.db.models import F, Min, Q
from django.db.models.functions import Coalesce, Greatest, Now
from django.utils import timezone

from filesvc.models import File, Status

# Two rings of the sweeper and a slow file; a queue that gets on never lets one wait so long
# without anybody holding one.
STUCK_SECONDS = 120.0

State = Literal["idle", "working", "behind", "stuck"]


def oldest_waiting_seconds() -> float:
    """How long the file waits that waits longest for somebody to hold it; 0 when none waits.

    A released file and one with a lapsed lease wait since they came in or were sent back.
    Raises the database's errors.
    """
    unheld = Q(status=Status.QUEUED) | Q(status=Status.PROCESSING, lease_until__lt=Now())
    came_in = Greatest("uploaded_at", Coalesce(F("reprocessed_at"), F("uploaded_at")))
    since = File.objects.filter(unheld).aggregate(since=Min(came_in))["since"]
    return 0.0 if since is None else max(0.0, (timezone.now() - since).total_seconds())


def progress_of_workers() -> tuple[State, float]:
    """The state, and the seconds the oldest file waits.

    `stuck` when a file waits too long and nobody holds any file: a held one has its lease
    renewed every ten seconds by a worker that lives and works on it. `behind` when files wait
    long although workers work. Raises the database's errors.
    """
    oldest = oldest_waiting_seconds()
    holding = File.objects.filter(status=Status.PROCESSING, lease_until__gte=Now()).exists()
    if oldest > STUCK_SECONDS:
        return ("behind" if holding else "stuck"), oldest
    return ("working" if holding or oldest else "idle"), oldest
