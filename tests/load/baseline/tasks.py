"""The task of the plain solution: one row is updated."""

from __future__ import annotations

from celery import Celery

app = Celery("baseline")
app.config_from_object("django.conf:settings", namespace="CELERY")


@app.task(ignore_result=True)
def process(upload_id: int) -> None:
    """Mark it processed."""
    from tests.load.baseline.models import Upload

    Upload.objects.filter(id=upload_id).update(processed=True)
