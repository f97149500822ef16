"""The kept bytes: durable before anything else knows of them, under names of our own."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from errors import catalogue
from security.upload import STAGING, CleanUpload, storage_faults

FILES = "files"
PREVIEWS = "previews"
_durable_folders: set[Path] = set()


def prepare_storage() -> None:
    """Make the folders of the store, private to this user."""
    for name in (STAGING, FILES, PREVIEWS):
        (settings.STORAGE_ROOT / name).mkdir(mode=0o700, parents=True, exist_ok=True)


def blob_path(file_id: uuid.UUID) -> Path:
    """A fixed layout of the id alone; nothing a client sent is part of it (CWE-22).

    The fan-out is the end of the id: the start of a UUIDv7 is the clock.
    """
    return Path(settings.STORAGE_ROOT) / FILES / file_id.hex[-2:] / file_id.hex


def promote(clean: CleanUpload, file_id: uuid.UUID) -> None:
    """Make the scanned bytes the kept bytes: durable first, then named, then the name durable.

    A failed fsync is not tried again: the kernel may have dropped the pages it could not
    write. Raises StorageFull, StorageUnavailable.
    """
    target = blob_path(file_id)
    with storage_faults():
        os.fsync(clean.staged.descriptor)
        make_durable_folder(target.parent)
        clean.staged.path = clean.staged.path.rename(target)
        sync_folder(target.parent)
    # Only now: until here the bytes go with the staged upload, whatever their name is.
    clean.staged.is_promoted = True


def open_blob(file_id: uuid.UUID) -> BinaryIO:
    """The kept bytes, to read.

    Raises SourceMissing, StorageUnavailable.
    """
    with storage_faults():
        try:
            return blob_path(file_id).open("rb")
        except FileNotFoundError as error:
            raise catalogue.SourceMissing() from error


def delete_blob(file_id: uuid.UUID) -> None:
    """Remove the kept bytes; removing them twice is no error.

    Raises StorageUnavailable.
    """
    with storage_faults():
        blob_path(file_id).unlink(missing_ok=True)


def make_durable_folder(folder: Path) -> None:
    """Found is not enough: whoever made it may not have come to make its name durable."""
    if folder in _durable_folders and folder.is_dir():
        return
    folder.mkdir(mode=0o700, exist_ok=True)
    sync_folder(folder.parent)
    _durable_folders.add(folder)


def sync_folder(folder: Path) -> None:
    """A rename is durable only when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
