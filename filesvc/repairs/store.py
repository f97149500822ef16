"""The store's repairs: removes what no row knows, tells of rows whose bytes are not theirs."""

from __future__ import annotations

import contextlib
import random
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from time import time

import structlog
from django.conf import settings

from errors import catalogue
from errors.base import ServiceError
from filesvc.blobs import FILES, PREVIEWS, blob_path, open_blob
from filesvc.claims import fail_unclaimed
from filesvc.models import File, Status
from filesvc.processing import check_unchanged
from security.upload import STAGING

log = structlog.get_logger("sweeper")

# More than ten times as long as the slowest upload may take from its first byte to its row.
LEFT_BEHIND_SECONDS = 60 * 60
AUDIT_FILES = 20
MANY_ORPHANS = 100
CHUNK = 1000


def find_stale_staging() -> Iterator[Path]:
    """What killed processes left in staging; an upload under way is never that old."""
    return _old(_files_in(Path(settings.STORAGE_ROOT) / STAGING))


def find_orphan_blobs() -> Iterator[Path]:
    """Bytes that were promoted for a row that never came, or whose row is gone (C2, C8).

    Crashes leave a few. When most of what is stored has no row, it is the database that is
    the wrong one - a new one, or an old backup - and nothing is an orphan.
    """
    kept, orphans = 0, list[Path]()
    for folder in _folders(FILES):
        paths = {path.name: path for path in _files_in(folder)}
        known = _known_ids(paths)
        kept += len(known)
        orphans += _old(path for name, path in paths.items() if name not in known)
    if len(orphans) > max(MANY_ORPHANS, kept):
        log.error("audit.too_many_orphans", orphans=len(orphans), kept=kept)
        return iter(())
    return iter(orphans)


def find_orphan_previews() -> Iterator[Path]:
    """Pictures of claims that never finished, and of files that are gone (C7)."""
    for folder in _folders(PREVIEWS):
        paths = {path.name: path for path in _files_in(folder)}
        ids = {name.partition(".")[0] for name in paths}
        rows = File.objects.filter(id__in=[uuid.UUID(name) for name in ids if _is_id(name)])
        valid = {
            f"{file_id.hex}.{fence}" for file_id, fence in rows.values_list("id", "preview_fence")
        }
        yield from _old(path for name, path in paths.items() if name not in valid)


def remove(path: Path) -> bool:
    """Remove it; False when somebody else was faster."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def find_rows_without_bytes() -> Iterator[File]:
    """Rows of kept files whose bytes are gone or are fewer than they were.

    A store that is not there at all is no finding about its files.
    """
    if not (Path(settings.STORAGE_ROOT) / FILES).is_dir():
        raise FileNotFoundError(FILES)
    for file in (
        File.objects.filter(status=Status.PROCESSED).only("id", "size_bytes").iterator(CHUNK)
    ):
        path = blob_path(file.id)
        if (not path.exists() or path.stat().st_size != file.size_bytes) and _still_kept(file):
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
        with open_blob(file.id) as source:
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


def _old(paths: Iterable[Path]) -> Iterator[Path]:
    """Those that got their name long ago."""
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            if age_of(path) > LEFT_BEHIND_SECONDS:
                yield path


def age_of(path: Path) -> float:
    """Seconds since it got its name: a rename sets the time of change, not of writing."""
    return time() - path.stat().st_ctime


def _folders(name: str) -> Iterator[Path]:
    return (
        path for path in sorted((Path(settings.STORAGE_ROOT) / name).glob("*")) if path.is_dir()
    )


def _files_in(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if path.is_file())
