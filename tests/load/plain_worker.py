"""A Celery application with the least a task can do for a file: update one row."""

from __future__ import annotations

from celery import shared_task
from django.db.models.functions import Now

from config.celery import app

__all__ = ["app"]


@shared_task(name="load.mark_processed")
def mark_processed(file_id: str) -> None:
    """One UPDATE; no claim, no bytes, no result."""
    from filesvc.models import File, Status  # not above: the applications are not loaded by then

    File.objects.filter(id=file_id).update(
        status=Status.PROCESSED, processed=True, processed_at=Now()
    )
