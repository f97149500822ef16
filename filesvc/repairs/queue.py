"""The queue's repairs: rings again for what waits too long, gives up what was tried too often."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q
from django.db.models.functions import Now

from errors import catalogue
from filesvc.broker import count_unheard, open_broker
from filesvc.claims import MAX_ATTEMPTS, claimable, fail_unclaimed, from_now
from filesvc.models import File, Status
from filesvc.repairs.repair import NotNow
from filesvc.tasks import ring_doorbell

RING_AGAIN_SECONDS = 30
BATCH = 500


def find_waiting() -> Iterable[File]:
    """Files that wait longer than 30 s or whose worker let its lease lapse, oldest first.

    None while the broker holds more rings than a round of these: a file waits for its turn then
    and not for a ring, and copies would fill the broker and come before new uploads. A broker
    that has lost its rings holds none.
    """
    if _count_unheard() > BATCH:
        return ()
    waiting = File.objects.filter(claimable() & is_overdue())
    oldest: Iterable[File] = waiting.order_by("notified_at")[:BATCH]
    return oldest


def is_overdue() -> Q:
    """Rung for so long ago that the ring counts as lost."""
    return Q(notified_at__lt=from_now(-RING_AGAIN_SECONDS))


def _count_unheard() -> int:
    """None of a broker that is away: the ring itself will say so."""
    try:
        with open_broker() as broker:
            return count_unheard(broker)
    except Exception:  # noqa: BLE001 - a garbled answer is a ValueError and worse (measured)
        return 0


def ring_again(file: File) -> bool:
    """Ring for it, unless another sweeper does: then it is overdue no more.

    Not asked by the moment that was read: SQLite's own clock writes milliseconds, and no moment
    with microseconds equals one of those.

    Raises NotNow when the ring does not go through: the next would not either.
    """
    rows = File.objects.filter(is_overdue(), id=file.id)
    if not rows.update(notified_at=Now()):
        return False
    if ring_doorbell(file.id):
        return True
    File.objects.filter(id=file.id).update(notified_at=file.notified_at)
    raise NotNow


def find_used_up() -> Iterable[File]:
    """Files whose five tries are used up and which nobody holds."""
    unheld = Q(status=Status.QUEUED) | Q(status=Status.PROCESSING, lease_until__lt=Now())
    used_up: Iterable[File] = File.objects.filter(unheld, attempts__gte=MAX_ATTEMPTS)[:BATCH]
    return used_up


def give_up(file: File) -> bool:
    """Fail it for good."""
    return fail_unclaimed(file, catalogue.ProcessingLost())
