"""Stored files: durable before a row refers to them, and named by our own ids."""

from __future__ import annotations

import math
import uuid
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from errors import catalogue
from filesvc.stores import current_store
from filesvc.stores.folder import Folder
from filesvc.stores.places import FILES, Readable
from security.upload import STAGING, CleanUpload, StagedUpload, storage_faults


def prepare_storage() -> None:
    """Make the folders of the store, private to this user; staging is always one of them."""
    (settings.STORAGE_ROOT / STAGING).mkdir(mode=0o700, parents=True, exist_ok=True)
    current_store().prepare()


def blob_path(file_id: uuid.UUID) -> Path:
    """A fixed layout of the id alone; nothing a client sent is part of it (CWE-22)."""
    folder = Folder(Path(settings.STORAGE_ROOT))
    return folder.path_of(folder.place_of(FILES, file_id))


def begin_to_promote(staged: StagedUpload) -> None:
    """Let the store begin while the bytes are scanned; whatever fails, `promote` will say."""
    current_store().begin_to_take(staged)


def promote(clean: CleanUpload, file_id: uuid.UUID, give_up_at: float = math.inf) -> None:
    """Make the scanned bytes the kept bytes, before `give_up_at` (of `time.monotonic`).

    Raises StorageFull, StorageUnavailable.
    """
    store = current_store()
    with storage_faults():
        store.take(clean.staged, store.place_of(FILES, file_id), give_up_at)


def open_blob(file_id: uuid.UUID, size_bytes: int) -> BinaryIO:
    """The kept bytes, which should be so many, as an open file.

    Raises SourceMissing, StorageUnavailable.
    """
    store = current_store()
    with storage_faults():
        try:
            return store.open(store.place_of(FILES, file_id), size_bytes)
        except FileNotFoundError as error:
            raise catalogue.SourceMissing() from error


def open_span(file_id: uuid.UUID, size_bytes: int, first: int, length_bytes: int) -> Readable:
    """Part of the kept bytes, which are still as many as were accepted.

    Raises StorageUnavailable.
    """
    store = current_store()
    with storage_faults():
        try:
            source, kept_bytes = store.open_span(
                store.place_of(FILES, file_id), first, length_bytes
            )
        except FileNotFoundError as error:
            raise catalogue.StorageUnavailable(note="source missing") from error
    if kept_bytes != size_bytes:
        source.close()
        raise catalogue.StorageUnavailable(note="source has another size")
    return source


def delete_blob(file_id: uuid.UUID) -> None:
    """Remove the kept bytes; removing them twice is no error.

    Raises StorageUnavailable.
    """
    store = current_store()
    with storage_faults():
        store.delete(store.place_of(FILES, file_id))
