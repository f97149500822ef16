"""The store's repairs: removes files without a row, reports rows whose file is gone or changed."""

from __future__ import annotations

import itertools
import random
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from time import time

import structlog
from django.conf import settings

from errors import catalogue
from errors.base import ServiceError
from filesvc.blobs import open_blob
from filesvc.claims import fail_unclaimed
from filesvc.models import File, Status
from filesvc.processing import check_unchanged
from filesvc.stores import current_store
from filesvc.stores.folder import Folder
from filesvc.stores.places import FILES, PREVIEWS, Stored
from security.upload import STAGING

log = structlog.get_logger("sweeper")

# More than ten times as long as the slowest upload may take from its first byte to its row.
LEFT_BEHIND_SECONDS = 60 * 60
AUDIT_FILES = 20
MANY_ORPHANS = 100
CHUNK = 1000


def find_stale_staging() -> Iterator[Stored]:
    """What killed processes left in staging; an upload under way is never that old."""
    folder = Folder(Path(settings.STORAGE_ROOT))
    yield from _old(folder.list_folder(folder.path_of(STAGING)))


def remove_staged(stored: Stored) -> bool:
    """Remove it; False when somebody else was faster."""
    return Folder(Path(settings.STORAGE_ROOT)).remove(stored)


def find_orphan_blobs() -> Iterator[Stored]:
    """Bytes that were promoted for a row that never came, or whose row is gone (C2, C8).

    Also what has arrived of uploads in parts that nobody will put together any more. Crashes
    leave a few. When most of what is stored has no row, it is the database that is the wrong
    one - a new one, or an old backup - and nothing is an orphan.
    """
    kept, orphans = weigh_blobs()
    if are_too_many(orphans, kept):
        log.error("audit.too_many_orphans", orphans=len(orphans), kept=kept)
        return
    yield from orphans
    yield from _old(current_store().list_unfinished())


def weigh_blobs() -> tuple[int, list[Stored]]:
    """How many of the stored files have a row, and which have had none for long."""
    kept, orphans = 0, list[Stored]()
    for some in _chunks(current_store().list(FILES)):
        known = _known_ids(stored.name for stored in some)
        kept += len(known)
        orphans += _old(stored for stored in some if stored.name not in known)
    return kept, orphans


def are_too_many(orphans: list[Stored], kept: int) -> bool:
    """True when it is rather the database that is the wrong one."""
    return len(orphans) > max(MANY_ORPHANS, kept)


def find_orphan_previews() -> Iterator[Stored]:
    """Pictures of claims that never finished, and of files that are gone (C7)."""
    for some in _chunks(current_store().list(PREVIEWS)):
        ids = {stored.name.partition(".")[0] for stored in some}
        rows = File.objects.filter(id__in=[uuid.UUID(name) for name in ids if _is_id(name)])
        valid = {
            f"{file_id.hex}.{fence}" for file_id, fence in rows.values_list("id", "preview_fence")
        }
        yield from _old(stored for stored in some if stored.name not in valid)


def remove(stored: Stored) -> bool:
    """Remove it; False when somebody else is known to have been faster."""
    return current_store().remove(stored)


def find_rows_without_bytes() -> Iterator[File]:
    """Rows of kept files whose bytes are gone or are fewer than they were.

    A store that is not there at all is no finding about its files.
    """
    rows = File.objects.filter(status=Status.PROCESSED).only("id", "size_bytes").order_by("id")
    for file in current_store().find_lacking(rows.iterator(CHUNK)):
        if _still_kept(file):
            yield file


def tell_of_missing(file: File) -> bool:
    """Only told: a store that was mounted wrongly must not cost its rows (`reconcile` decides)."""
    log.error("audit.bytes_missing", file_id=str(file.id))
    return True


def find_changed() -> Iterator[File]:
    """Of a few files, from a random one on, those whose bytes are not the accepted ones."""
    span = File.objects.order_by("id").values_list("id", flat=True)
    first, last = span.first(), span.last()
    if first is None or last is None:
        return
    start = uuid.UUID(int=random.randint(first.int, last.int))  # noqa: S311 - a sample, no secret
    sample = File.objects.filter(id__gte=start, status=Status.PROCESSED).order_by("id")
    for file in sample[:AUDIT_FILES]:
        if _is_changed(file):
            yield file


def withdraw(file: File) -> bool:
    """Bytes nobody scanned are not handed out (CWE-367)."""
    return fail_unclaimed(file, catalogue.ContentChanged())


def _is_changed(file: File) -> bool:
    try:
        with open_blob(file.id, file.size_bytes) as source:
            check_unchanged(file, source)
    except catalogue.ContentChanged:
        return True
    except ServiceError:  # away or gone: other repairs speak of that
        return False
    return False


def _still_kept(file: File) -> bool:
    """It may have been deleted, row and bytes, since the row was read."""
    return bool(File.objects.filter(id=file.id).exists())


def _known_ids(names: Iterable[str]) -> set[str]:
    ids = [uuid.UUID(name) for name in names if _is_id(name)]
    known: set[str] = set()
    for start in range(0, len(ids), CHUNK):
        rows = File.objects.filter(id__in=ids[start : start + CHUNK])
        known |= {file_id.hex for file_id in rows.values_list("id", flat=True)}
    return known


def _is_id(name: str) -> bool:
    return len(name) == 32 and all(letter in "0123456789abcdef" for letter in name)


def _old(found: Iterable[Stored]) -> Iterator[Stored]:
    """Those that got their name long ago."""
    return (stored for stored in found if age_of(stored) > LEFT_BEHIND_SECONDS)


def age_of(stored: Stored) -> float:
    """Seconds since it got its name."""
    return time() - stored.named_at


def _chunks(found: Iterator[Stored]) -> Iterator[list[Stored]]:
    """As many as one question to the database may name."""
    while some := list(itertools.islice(found, CHUNK)):
        yield some
