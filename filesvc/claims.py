"""Who works on a file now: claim, renew, finish, each one compare-and-swap on the row.

A claim holds while its lease runs and its fence is the highest; both are kept by the
database's clock, so that workers need not agree on the time.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import Error as DatabaseError
from django.db import connection, models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.db.models.sql import UpdateQuery

from errors.base import ServiceError
from filesvc.models import File, Status
from security.kept_threads import KeptThreads
from security.upload import ScanReport

log = structlog.get_logger("claims")

LEASE_SECONDS = 30
RENEW_SECONDS = 10
MAX_ATTEMPTS = 5
# Threads that stay: one made for each file was waited for twice, at its start and its end.
_renewals = KeptThreads("lease")


class ClaimLost(Exception):
    """Raised in the middle of work that counts for nothing any more: overtaken, or deleted."""


@dataclass
class Claim:
    """The right to finish one file, for as long as nobody has claimed it after us.

    `scan` is set when the file was scanned again.
    """

    file: File
    fence: int
    scan: ScanReport | None = None

    @property
    def _mine(self) -> Any:
        return File.objects.filter(id=self.file.id, fence=self.fence, status=Status.PROCESSING)


def from_now(seconds: float) -> models.ExpressionWrapper[Any]:
    """A moment by the database's clock; negative seconds lie in the past."""
    return models.ExpressionWrapper(
        Now() + datetime.timedelta(seconds=seconds), output_field=models.DateTimeField()
    )


def claimable() -> Q:
    """Waiting, or left by a worker whose lease ran out; five tries at most."""
    waiting = Q(status=Status.QUEUED)
    abandoned = Q(status=Status.PROCESSING, lease_until__lt=Now())
    return (waiting | abandoned) & Q(attempts__lt=MAX_ATTEMPTS)


def claim(file_id: uuid.UUID) -> Claim | None:
    """Take the file, or None when it is taken, final, used up or gone."""
    sql, before, after = _write_claim(connection.vendor)
    taken = File.objects.raw(sql, [*before, _as_asked(file_id), *after])
    file: File | None = next(iter(taken), None)
    return Claim(file, file.fence) if file else None


@functools.cache
def _write_claim(vendor: str) -> tuple[str, tuple[Any, ...], tuple[Any, ...]]:
    """The statement that takes a file and returns it; its values before and after the id.

    One statement for both: a fence that is read back after the swap could already be our
    successor's, had we been frozen in between. Kept, because Django takes longer to write it
    than PostgreSQL to run it (1.1 of 2.9 ms that a small file took, measured).
    """
    any_id = uuid.UUID(int=0)
    swap: Any = File.objects.filter(claimable(), id=any_id).query.chain(UpdateQuery)
    swap.add_update_values(
        {
            "status": Status.PROCESSING,
            "fence": F("fence") + 1,
            "attempts": F("attempts") + 1,
            "lease_until": from_now(LEASE_SECONDS),
        }
    )
    sql, values = swap.get_compiler(connection=connection).as_sql()
    place = values.index(_as_asked(any_id))
    return f"{sql} RETURNING *", values[:place], values[place + 1 :]


def _as_asked(file_id: uuid.UUID) -> Any:
    """An id as the database takes it."""
    return File._meta.pk.get_db_prep_value(file_id, connection)


def renew(held: Claim) -> bool:
    """Push the lease out; False when the claim is lost."""
    return bool(held._mine.update(lease_until=from_now(LEASE_SECONDS)))


def report_progress(held: Claim, stage: str, percent: int) -> bool:
    """Tell how far the work is; False when the claim is lost."""
    return bool(held._mine.update(progress={"stage": stage, "percent": percent}))


def finish(held: Claim, metadata: dict[str, Any], *, has_preview: bool) -> bool:
    """Mark the file processed; False when the claim is lost and somebody else decides."""
    return _close(
        held,
        status=Status.PROCESSED,
        processed=True,
        processed_at=Now(),
        metadata=metadata,
        failure=None,
        preview_fence=held.fence if has_preview else None,
    )


def fail(held: Claim, error: ServiceError) -> bool:
    """Mark the file failed for good; False when the claim is lost."""
    failure = describe_failure(error, held.file)
    return _close(held, status=Status.FAILED, failure=failure, preview_fence=None)


def quarantine(held: Claim, error: ServiceError, metadata: dict[str, Any]) -> bool:
    """Keep the file, and never hand it out; False when the claim is lost."""
    failure = describe_failure(error, held.file)
    return _close(
        held, status=Status.QUARANTINED, failure=failure, metadata=metadata, preview_fence=None
    )


def release(held: Claim) -> bool:
    """Put the file back to wait for its next try; the try counts."""
    return bool(
        held._mine.update(status=Status.QUEUED, lease_until=None, progress=None, notified_at=Now())
    )


def put_off(held: Claim) -> bool:
    """Put the file back to wait for what is away; the try is given back to it."""
    return bool(
        held._mine.update(
            status=Status.QUEUED,
            attempts=F("attempts") - 1,
            lease_until=None,
            progress=None,
            notified_at=Now(),
        )
    )


def send_back(file: File) -> bool:
    """Have a file whose state is final processed anew, from its first try on.

    False when its state is not, or not any more, final.
    """
    final = (Status.PROCESSED, Status.FAILED, Status.QUARANTINED)
    sent = File.objects.filter(id=file.id, status__in=final).update(
        status=Status.QUEUED,
        processed=False,
        processed_at=None,
        metadata={},
        failure=None,
        preview_fence=None,
        attempts=0,
        reprocessed_at=Now(),
        notified_at=Now(),
    )
    return bool(sent)


def fail_unclaimed(file: File, error: ServiceError) -> bool:
    """Mark a file failed that nobody works on; False when it has moved on since it was read."""
    rows = File.objects.filter(id=file.id, fence=file.fence, status=file.status)
    failure = describe_failure(error, file)
    return bool(
        rows.update(
            status=Status.FAILED,
            processed=False,
            processed_at=None,
            failure=failure,
            lease_until=None,
            progress=None,
            preview_fence=None,
        )
    )


def _close(held: Claim, **outcome: Any) -> bool:
    """The last word on this try, with the scan it made."""
    if held.scan is not None:
        outcome |= {
            "scan_engine": held.scan.engine,
            "scan_signatures": held.scan.signatures,
            "scanned_at": held.scan.scanned_at,
        }
    return bool(held._mine.update(lease_until=None, progress=None, **outcome))


def describe_failure(error: ServiceError, file: File) -> dict[str, Any]:
    """The failure as the File resource tells it (a Problem without its HTTP parts)."""
    return {
        "type": f"/problems/{error.code}",
        "title": error.title,
        "code": error.code,
        "detail": error.sentence,
        "retryable": error.retryable,
        "errors": [],
        "meta": error.meta,
        "occurred_at": datetime.datetime.now(datetime.UTC).isoformat().replace("+00:00", "Z"),
        "origin_request_id": file.request_id,
    }


@contextlib.contextmanager
def kept_alive(held: Claim, renew_seconds: float = RENEW_SECONDS) -> Iterator[None]:
    """Renew the lease from a thread while the work goes on."""
    done = threading.Event()

    def renew_until_done() -> None:
        is_held = True
        while is_held and not done.wait(renew_seconds):
            try:
                is_held = renew(held)
            except DatabaseError as error:
                # The lease outlasts two of these; the next try has a connection of its own.
                log.warning("lease.not_renewed", error=type(error).__name__)
                connection.close()
        connection.close()

    renewing = _renewals.submit(renew_until_done)
    try:
        yield
    finally:
        done.set()
        renewing.result()
