"""Keeps a clean upload: promote the bytes, then commit the row, then ring the doorbell."""

from __future__ import annotations

import contextlib
import math
import uuid
from collections.abc import Callable
from typing import Any

import structlog
import uuid_utils.compat
from django.db import Error as DatabaseError
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from errors import catalogue
from errors.base import ServiceError
from filesvc.blobs import delete_blob, promote
from filesvc.models import File
from filesvc.previews import delete_previews
from filesvc.quotas import charge_quotas, refund_stored
from filesvc.tasks import ring_doorbell
from security.upload import CleanUpload

log = structlog.get_logger("storage")


def save_file(  # noqa: PLR0913 - what a row is made of
    clean: CleanUpload,
    *,
    name: str,
    media_type: str,
    owner: Any,
    request_id: str,
    before_commit: Callable[[File], None],
    give_up_at: float = math.inf,
) -> File:
    """Both the bytes and the row, or neither; `before_commit` does what shares their fate.

    Bytes that are not kept at `give_up_at`, a moment of `time.monotonic`, are not kept at all.
    Raises StorageFull, StorageUnavailable, DatabaseUnavailable, QuotaExceeded,
    StorageQuotaExceeded, and what `before_commit` raises.
    """
    file = File(
        id=uuid_utils.compat.uuid7(),
        owner=owner,
        name=name,
        size_bytes=clean.staged.size_bytes,
        sha256=clean.staged.sha256,
        media_type=media_type,
        uploaded_at=timezone.now(),
        # By the clock it will be compared with.
        notified_at=Now(),
        request_id=request_id,
        scan_engine=clean.scan.engine,
        scan_signatures=clean.scan.signatures,
        scanned_at=clean.scan.scanned_at,
    )
    promote(clean, file.id, give_up_at)
    _commit(file, before_commit)
    return file


def _commit(file: File, before_commit: Callable[[File], None]) -> None:
    """A commit that fails may still have happened: the reply can be lost (measured)."""
    was_asked_for = False
    try:
        with transaction.atomic():
            charge_quotas(file.owner, file.size_bytes)
            file.save(force_insert=True)
            before_commit(file)
            # `robust`: the row is safe by then, so no failure to ring may become a 500.
            transaction.on_commit(lambda: ring_doorbell(file.id), robust=True)
            was_asked_for = True
    except ServiceError:
        delete_blob(file.id)
        raise
    except DatabaseError as error:
        if _row_exists(file, may_be_under_way=was_asked_for):
            ring_doorbell(file.id)
            return
        raise catalogue.DatabaseUnavailable(note=type(error).__name__) from error


def _row_exists(file: File, *, may_be_under_way: bool) -> bool:
    """What became of a failed commit; on a plain no, the bytes go at once.

    While the database does not answer, the bytes stay: the sweeper decides later.
    """
    if may_be_under_way:
        connection.close_if_unusable_or_obsolete()
    try:
        exists = File.objects.filter(id=file.id).exists()
        if not exists and may_be_under_way:
            exists = _row_comes(file)
    except DatabaseError:
        log.warning("blob.left_for_sweeper", file_id=str(file.id))
        return False
    if not exists:
        with contextlib.suppress(ServiceError):
            delete_blob(file.id)
    return bool(exists)


def _row_comes(file: File) -> bool:
    """Whether a commit that still runs on the lost connection brings the row.

    No SELECT sees it yet, and its row came after its bytes were gone (measured); an INSERT
    of the same id waits for its end. Raises OperationalError when that takes too long.
    """
    try:
        with transaction.atomic():
            file.save(force_insert=True)
            transaction.set_rollback(True)
    except IntegrityError:
        return True
    return False


def delete_file(file: File) -> None:
    """Row first, then bytes: a crash between leaves an orphan, never a row without bytes.

    Of several at once one deletes, and only that one gives its bytes back to the quota. With the
    row the file is deleted, and said to be. Raises NotFound, DatabaseUnavailable.
    """
    file_id = file.id
    with transaction.atomic():
        deleted, _ = File.objects.filter(id=file_id).delete()
        if not deleted:
            raise catalogue.NotFound()
        refund_stored(file.owner_id, file.size_bytes)
    log.info("file.deleted", file_id=str(file_id))
    _remove_bytes(file_id)


def _remove_bytes(file_id: uuid.UUID) -> None:
    """What the store does not let go of now is an orphan, which the sweeper removes."""
    for remove in (delete_previews, delete_blob):
        try:
            remove(file_id)
        except Exception as error:  # noqa: BLE001 - the file is deleted, whatever becomes of its bytes
            log.warning("blob.left_behind", file_id=str(file_id), error=type(error).__name__)
