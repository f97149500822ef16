"""Queues a file for processing again, with a new scan by the current signatures."""

from __future__ import annotations

import structlog

from errors import catalogue
from filesvc.claims import send_back
from filesvc.head_room import check_head_room
from filesvc.models import File
from filesvc.tasks import ring_doorbell

log = structlog.get_logger("reprocessing")


def reprocess(file: File) -> File:
    """The file, waiting again; what was found before is forgotten.

    Raises StateConflict while it waits or is worked on, NotFound when it was deleted,
    Overloaded while the queue has no room for it.
    """
    check_head_room(file.owner)
    was_sent = send_back(file)
    now: File | None = File.objects.select_related("owner").filter(id=file.id).first()
    if now is None:
        raise catalogue.NotFound()
    if not was_sent:
        raise catalogue.StateConflict(state=now.status)
    ring_doorbell(file.id)
    log.info("file.sent_back", file_id=str(file.id))
    return now
