"""Celery: the doorbell that says there is work, and the task that does it."""

from __future__ import annotations

import uuid
from typing import Any

import sentry_sdk
import structlog
from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.db import Error as DatabaseError

from errors import catalogue
from errors.base import ServiceError
from errors.metrics import FINISHED, PROCESSING_SECONDS
from filesvc import claims
from filesvc.models import File
from filesvc.previews import delete_previews
from filesvc.processing import process
from filesvc.sandbox import Answer, ProcessorDied
from security.circuit_breaker import CircuitBreaker

log = structlog.get_logger("processing")

DOORBELL_REST_SECONDS = 5.0
_doorbell_breaker = CircuitBreaker(DOORBELL_REST_SECONDS)
# What processing needs and waits for, however long it is away; no file is to blame.
AWAY = (
    catalogue.StorageUnavailable,
    catalogue.StorageFull,
    catalogue.ScannerUnavailable,
    catalogue.ProcessingDependencyUnavailable,
)
# A scanner that lives and breaks off over a file: the next try may be luckier, five are enough.
BROKEN_OFF = (catalogue.ScannerTimeout, catalogue.ScannerError)
FIRST_FENCE = 1
# Found in a file that was let in: it is kept for whoever looks into it, and not handed out.
QUARANTINED_FOR = (catalogue.ActiveContent, catalogue.MalwareDetected)


def ring_doorbell(file_id: uuid.UUID) -> bool:
    """Tell a worker, best effort: a lost ring costs time, because the sweeper rings again.

    Returns whether it was rung. Never raises and never waits long, since the upload is
    already safe.
    """
    if not _doorbell_breaker.allows():
        return False
    try:
        process_file.apply_async((str(file_id),))
    except Exception as error:  # noqa: BLE001 - a garbled answer is a ValueError and worse (measured)
        _doorbell_breaker.record_failure()
        log.warning("doorbell.failed", file_id=str(file_id), error=type(error).__name__)
        return False
    _doorbell_breaker.record_success()
    return True


@shared_task(name="filesvc.process_file")
def process_file(file_id: str) -> None:
    """Process one file, if it is still to be done and nobody else is doing it.

    Delivered twice, late or for a file long gone, this does nothing. Without its database it
    leaves the file to whoever claims it when its lease has run out.
    """
    structlog.contextvars.clear_contextvars()
    try:
        work_on(uuid.UUID(file_id))
    except DatabaseError as error:
        log.warning("file.left_to_lease", file_id=file_id, error=type(error).__name__)


def work_on(file_id: uuid.UUID) -> None:
    """Claim the file, describe it, and close it in one way or another."""
    held = claims.claim(file_id)
    if held is None:
        log.debug("claim.refused", file_id=str(file_id))
        return
    structlog.contextvars.bind_contextvars(
        file_id=str(file_id), request_id=held.file.request_id, attempt=held.file.attempts
    )
    sentry_sdk.set_tags({"file_id": str(file_id), "request_id": held.file.request_id})
    try:
        with (
            PROCESSING_SECONDS.labels(held.file.media_type).time(),
            claims.kept_alive(held),
        ):
            answer = process(held)
    except claims.ClaimLost:
        _lose(held)
    except (*AWAY, *BROKEN_OFF) as error:
        _try_again_later(held, error)
    except QUARANTINED_FOR as error:
        _close_quarantined(held, error, {})
    except ServiceError as error:
        _close_failed(held, error)
    except ProcessorDied as death:
        _try_again_now(held, str(death))
    except SoftTimeLimitExceeded:
        _close_failed(held, catalogue.ProcessingTimeout())
    except Exception:
        log.exception("processing.crashed")
        _close_failed(held, catalogue.ProcessingFailed())
    else:
        _close(held, answer)


def _try_again_later(held: claims.Claim, error: ServiceError) -> None:
    """Wait for the sweeper's next ring: for what is away without end, else up to the last try."""
    is_away = isinstance(error, AWAY)
    if not is_away and held.file.attempts >= claims.MAX_ATTEMPTS:
        _close_failed(held, catalogue.ProcessingDependencyUnavailable(note=error.note))
    elif claims.put_off(held) if is_away else claims.release(held):
        FINISHED.labels("released").inc()
        log.warning("file.released", code=error.code, note=error.note)
    else:
        _lose(held)


def _try_again_now(held: claims.Claim, death: str) -> None:
    """Out of memory or killed may have been the machine's fault; five times is the file's."""
    if held.file.attempts >= claims.MAX_ATTEMPTS:
        _close_failed(held, catalogue.ProcessingFailed(note=death))
    elif claims.release(held):
        FINISHED.labels("released").inc()
        log.warning("processor.died", death=death)
        ring_doorbell(held.file.id)
    else:
        _lose(held)


def _close(held: claims.Claim, answer: Answer) -> None:
    if answer.refusal is not None:
        _close_quarantined(held, answer.refusal, answer.metadata)
    elif claims.finish(held, answer.metadata, has_preview=answer.preview is not None):
        FINISHED.labels("processed").inc()
        log.info("file.processed", media_type=held.file.media_type)
        _tidy_previews(held, below=held.fence)
    else:
        _lose(held)


def _close_failed(held: claims.Claim, error: ServiceError) -> None:
    if claims.fail(held, error):
        FINISHED.labels("failed").inc()
        log.warning("file.failed", code=error.code, stage=error.stage, note=error.note)
        _tidy_previews(held, below=held.fence + 1)
    else:
        _lose(held)


def _close_quarantined(held: claims.Claim, error: ServiceError, metadata: dict[str, Any]) -> None:
    if claims.quarantine(held, error, metadata):
        FINISHED.labels("quarantined").inc()
        log.error("file.quarantined", code=error.code, note=error.note, sha256=held.file.sha256)
        _tidy_previews(held, below=held.fence + 1)
    else:
        _lose(held)


def _lose(held: claims.Claim) -> None:
    """Somebody else decides, or has deleted the file; what this claim made goes."""
    FINISHED.labels("lost").inc()
    if File.objects.filter(id=held.file.id).exists():
        log.warning("claim.lost")
    else:
        log.info("claim.dropped")
    _tidy_previews(held, below=held.fence + 1)


def _tidy_previews(held: claims.Claim, *, below: int) -> None:
    """Pictures of claims that are over; what is left the sweeper finds."""
    if below <= FIRST_FENCE:
        return
    try:
        delete_previews(held.file.id, below=below)
    except ServiceError as error:
        log.warning("preview.left_behind", code=error.code, note=error.note)
