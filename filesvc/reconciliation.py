"""Compares every row with its file and every file with its row, and repairs what is safe.

The sweeper looks at samples and only tells; this reads the whole store, when a person asks.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from django.db.models import Q
from django.db.models.functions import Now

from errors import catalogue
from filesvc.blobs import open_blob
from filesvc.claims import fail_unclaimed
from filesvc.models import File, Status
from filesvc.previews import open_preview
from filesvc.processing import check_unchanged
from filesvc.repairs import store
from filesvc.stores import current_store
from filesvc.stores.places import Stored
from security.upload import storage_faults

BATCH = 500
TELL_EVERY_SECONDS = 5.0
# So few lost files may be lost; more of them, and more than there are: the store is the wrong one.
MANY_MISSING = 10
# What has been told of a row is not told again.
TOLD = (catalogue.SourceMissing.code, catalogue.ContentChanged.code)

Tell = Callable[[str], None]


class Kind(enum.StrEnum):
    """What is not as it should be."""

    MISSING = "bytes missing"
    CHANGED = "bytes changed"
    UNREADABLE = "bytes unreadable"
    NO_PREVIEW = "preview missing"
    ORPHAN = "no row for bytes"
    STRAY_PREVIEW = "no row for preview"
    LEFT_BEHIND = "left in staging"


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it should be, and what mends it."""

    kind: Kind
    name: str
    outcome: str
    mend: Callable[[], bool]


class _Remove(Protocol):
    def __call__(self, stored: Stored, /) -> bool: ...


@dataclass(frozen=True)
class Comparison:
    """All that was found, and why it should not be believed, if there is a reason."""

    differences: Sequence[Difference]
    doubt: str | None


def compare(tell: Tell) -> Comparison:
    """Read the whole store; `tell` hears how far it is, every few seconds.

    Raises StorageUnavailable, StorageFull when the store itself does not answer.
    """
    with storage_faults():
        current_store().probe()
    of_rows = list(_compare_rows(tell))
    missing = sum(difference.kind == Kind.MISSING for difference in of_rows)
    present = File.objects.count() - missing
    tell("comparing stored bytes with rows")
    with storage_faults():
        kept, orphans = store.weigh_blobs()
        strays = list(_compare_store())
    found = [*of_rows, *(_stored(Kind.ORPHAN, one, store.remove) for one in orphans), *strays]
    if missing > max(MANY_MISSING, present):
        doubt = f"{missing} rows have no bytes, {present} have them: is the store the right one?"
    elif store.are_too_many(orphans, kept):
        doubt = f"{len(orphans)} stored files have no row, {kept} have one: is the database right?"
    else:
        doubt = None
    return Comparison(found, doubt)


def _compare_store() -> Iterator[Difference]:
    """What lies there for nothing, and has for an hour."""
    for stored in current_store().list_unfinished():
        if store.age_of(stored) > store.LEFT_BEHIND_SECONDS:
            yield _stored(Kind.ORPHAN, stored, store.remove)
    for stored in store.find_orphan_previews():
        yield _stored(Kind.STRAY_PREVIEW, stored, store.remove)
    for stored in store.find_stale_staging():
        yield _stored(Kind.LEFT_BEHIND, stored, store.remove_staged)


def _stored(kind: Kind, stored: Stored, remove: _Remove) -> Difference:
    return Difference(kind, stored.place, "removed", lambda: remove(stored))


def _compare_rows(tell: Tell) -> Iterator[Difference]:
    """Every row whose bytes nobody works on now and of which it was not told before."""
    total, checked, told_at = File.objects.count(), 0, time.monotonic()
    for file in _rows():
        kind = _judge(file)
        if kind:
            yield _of_row(kind, file)
        checked += 1
        if time.monotonic() - told_at > TELL_EVERY_SECONDS:
            told_at = time.monotonic()
            tell(f"compared {checked:,} of {total:,} rows with their bytes")
    tell(f"compared {checked:,} rows with their bytes")


def _rows() -> Iterator[File]:
    """In the order of their ids, some at a time: a cursor would have to live as long as this."""
    settled = ~Q(status=Status.PROCESSING, lease_until__gte=Now())
    rows = File.objects.filter(settled).order_by("id")
    some = list(rows[:BATCH])
    while some:
        yield from (file for file in some if (file.failure or {}).get("code") not in TOLD)
        some = list(rows.filter(id__gt=some[-1].id)[:BATCH])


def _judge(file: File) -> Kind | None:
    """What is wrong with the bytes or the preview of this row, unless it has moved on meanwhile."""
    kind = _judge_bytes(file) or _judge_preview(file)
    is_as_read = File.objects.filter(id=file.id, fence=file.fence, status=file.status).exists
    return kind if kind and is_as_read() else None


def _judge_bytes(file: File) -> Kind | None:
    try:
        with open_blob(file.id, file.size_bytes) as source:
            check_unchanged(file, source)
    except catalogue.SourceMissing:
        return Kind.MISSING
    except catalogue.ContentChanged:
        return Kind.CHANGED
    except catalogue.StorageUnavailable:
        return Kind.UNREADABLE
    return None


def _judge_preview(file: File) -> Kind | None:
    if file.preview_fence is None:
        return None
    try:
        open_preview(file).close()
    except catalogue.StorageUnavailable:
        return Kind.NO_PREVIEW
    return None


def _of_row(kind: Kind, file: File) -> Difference:
    outcome, mend = _MENDS[kind]

    def mend_if_still_so() -> bool:
        return _judge(file) == kind and mend(file)

    return Difference(kind, str(file.id), outcome, mend_if_still_so)


def _fail_missing(file: File) -> bool:
    return fail_unclaimed(file, catalogue.SourceMissing())


def _forget_preview(file: File) -> bool:
    rows = File.objects.filter(id=file.id, fence=file.fence, preview_fence=file.preview_fence)
    return bool(rows.update(preview_fence=None))


def _leave(file: File) -> bool:
    """A disk that fails is no reason to lose a row."""
    return False


_MENDS: dict[Kind, tuple[str, Callable[[File], bool]]] = {
    Kind.MISSING: ("failed: source_missing", _fail_missing),
    Kind.CHANGED: ("failed: content_changed", store.withdraw),
    Kind.UNREADABLE: ("left as it is", _leave),
    Kind.NO_PREVIEW: ("told to have none", _forget_preview),
}
