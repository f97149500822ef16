"""Whether there is room for one more upload, on the disk and in the queue.

Asked before the body is read: work that cannot be finished is refused while that is cheap
(load shedding; goodput over throughput).
"""

from __future__ import annotations

import os
import secrets
from typing import Any

from django.conf import settings

from errors import catalogue
from filesvc.models import File, Status
from filesvc.shared_answers import SharedAnswer
from security.upload import storage_faults

BACKLOG_KNOWN_SECONDS = 1.0
RETRY_SECONDS = (5, 15)
OWNERS_SHARE = 4


def count_waiting() -> int:
    """Files that wait, counted no further than one above the cap."""
    waiting = File.objects.filter(status=Status.QUEUED)
    return int(waiting[: settings.MAX_BACKLOG_FILES + 1].count())


def make_backlog() -> SharedAnswer[int]:
    """The count, asked of the database at most once a second, and by one thread at a time.

    While that one waits for the database the others go by the last count, however old: the
    limit is one of load, and a database that does not answer refuses them by itself.
    """
    return SharedAnswer(count_waiting, lambda count: BACKLOG_KNOWN_SECONDS)


backlog = make_backlog()


def check_head_room(owner: Any, announced_bytes: int = 0) -> None:
    """Refuse what the disk or the workers have no room for.

    One owner may take a quarter of the queue, so that nobody can fill it alone. Raises
    Overloaded with a jittered Retry-After, StorageUnavailable.
    """
    if free_bytes() - announced_bytes < settings.MIN_FREE_BYTES:
        raise _overloaded("disk")
    waiting, share = backlog.tell().answer, max(1, settings.MAX_BACKLOG_FILES // OWNERS_SHARE)
    if waiting > settings.MAX_BACKLOG_FILES:
        raise _overloaded("backlog")
    # Asked only when it may be so: most queues are shorter than anybody's share.
    if waiting > share and _waiting_of(owner, share) > share:
        raise _overloaded("owner's backlog")


def _waiting_of(owner: Any, share: int) -> int:
    """Files of one owner that wait, counted no further than one above the share."""
    return int(File.objects.filter(owner=owner, status=Status.QUEUED)[: share + 1].count())


def free_bytes() -> int:
    """What this user may still write where the files are kept.

    Raises StorageUnavailable.
    """
    with storage_faults():
        store = os.statvfs(settings.STORAGE_ROOT)
    return store.f_bavail * store.f_frsize


def _overloaded(what: str) -> catalogue.Overloaded:
    least, most = RETRY_SECONDS
    return catalogue.Overloaded(
        note=what, retry_after_seconds=least + secrets.randbelow(most - least + 1)
    )
