"""Celery: the doorbell that says there is work, and the task that does it."""

from __future__ import annotations

import uuid

import structlog
from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded

from errors import catalogue
from errors.base import ServiceError
from filesvc import claims
from filesvc.blobs import open_blob
from filesvc.processing import describe_file
from security.circuit_breaker import CircuitBreaker

log = structlog.get_logger("processing")

DOORBELL_REST_SECONDS = 5.0
_doorbell_breaker = CircuitBreaker(DOORBELL_REST_SECONDS)


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

    Delivered twice, late or for a file long gone, this does nothing.
    """
    structlog.contextvars.clear_contextvars()
    held = claims.claim(uuid.UUID(file_id))
    if held is None:
        log.debug("claim.refused", file_id=file_id)
        return
    structlog.contextvars.bind_contextvars(
        file_id=file_id, request_id=held.file.request_id, attempt=held.file.attempts
    )
    try:
        with claims.kept_alive(held):
            metadata = _read_metadata(held)
    except (catalogue.StorageUnavailable, catalogue.StorageFull) as error:
        _try_again_later(held, error)
    except ServiceError as error:
        _close_failed(held, error)
    except SoftTimeLimitExceeded:
        _close_failed(held, catalogue.ProcessingTimeout())
    except Exception:
        log.exception("processing.crashed")
        _close_failed(held, catalogue.ProcessingFailed())
    else:
        _close_processed(held, metadata)


def _read_metadata(held: claims.Claim) -> dict[str, object]:
    with open_blob(held.file.id) as source:
        return describe_file(held.file, source).metadata.model_dump()


def _try_again_later(held: claims.Claim, error: ServiceError) -> None:
    """The store may come back: wait for the sweeper's next ring, up to the last try."""
    if held.file.attempts >= claims.MAX_ATTEMPTS:
        _close_failed(held, catalogue.ProcessingDependencyUnavailable(note=error.note))
    elif claims.release(held):
        log.warning("file.released", code=error.code, note=error.note)


def _close_processed(held: claims.Claim, metadata: dict[str, object]) -> None:
    if claims.finish(held, metadata):
        log.info("file.processed", media_type=held.file.media_type)
    else:
        log.warning("claim.lost")


def _close_failed(held: claims.Claim, error: ServiceError) -> None:
    if claims.fail(held, error):
        log.warning("file.failed", code=error.code, stage=error.stage, note=error.note)
    else:
        log.warning("claim.lost", code=error.code)
