"""Repairs whatever was left half done: rings again, and closes what has used up its tries.

Its own process and not a Celery task, because it must work while the broker is away.
"""

from __future__ import annotations

import contextlib
import threading
import time

import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import close_old_connections
from django.db.models import Q
from django.db.models.functions import Now

from errors import catalogue
from filesvc.claims import MAX_ATTEMPTS, claimable, describe_failure, from_now
from filesvc.models import File, Status
from filesvc.quotas import forget_unused
from filesvc.tasks import ring_doorbell
from security.upload import STAGING

log = structlog.get_logger("sweeper")

EVERY_SECONDS = 5.0
RING_AGAIN_SECONDS = 30
BATCH = 500
STAGING_SECONDS = 60 * 60


def sweep_forever(stop: threading.Event, every_seconds: float = EVERY_SECONDS) -> None:
    """Sweep until told to stop; a database or a store that is away is waited for."""
    while not stop.is_set():
        try:
            sweep()
        except (DatabaseError, OSError) as error:
            log.warning("sweep.failed", error=type(error).__name__)
        finally:
            close_old_connections()
        stop.wait(every_seconds)


def sweep() -> None:
    """One round of every repair."""
    close_used_up()
    ring_again()
    remove_stale_staging()
    forget_unused()


def ring_again() -> int:
    """Ring for each file that waits longer than 30 s or whose worker let its lease lapse.

    Stops at the first ring that does not go through. Returns how many were rung for.
    """
    overdue = Q(notified_at__lt=from_now(-RING_AGAIN_SECONDS))
    waiting = File.objects.filter(claimable() & overdue).order_by("notified_at")
    rung = 0
    for file_id in waiting.values_list("id", flat=True)[:BATCH]:
        if not ring_doorbell(file_id):
            break
        File.objects.filter(id=file_id).update(notified_at=Now())
        rung += 1
    if rung:
        log.info("sweep.rang_again", files=rung)
    return rung


def close_used_up() -> int:
    """Fail each file whose five tries are used up and which nobody holds."""
    unheld = Q(status=Status.QUEUED) | Q(status=Status.PROCESSING, lease_until__lt=Now())
    used_up = File.objects.filter(unheld, attempts__gte=MAX_ATTEMPTS)
    closed = sum(_close(file) for file in used_up[:BATCH])
    if closed:
        log.error("sweep.gave_up", files=closed)
    return closed


def remove_stale_staging() -> int:
    """Remove what killed processes left in staging; an upload under way is never that old."""
    oldest = time.time() - STAGING_SECONDS
    removed = 0
    for path in (settings.STORAGE_ROOT / STAGING).glob("*"):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest:
                path.unlink()
                removed += 1
    if removed:
        log.info("sweep.removed_staging", files=removed)
    return removed


def _close(file: File) -> int:
    failure = describe_failure(catalogue.ProcessingLost(), file)
    rows: int = File.objects.filter(id=file.id, fence=file.fence, status=file.status).update(
        status=Status.FAILED, failure=failure, lease_until=None
    )
    return rows
