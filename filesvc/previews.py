"""Previews: small pictures of our own making, kept beside the files, one for each claim.

Named after the file and the fence of the claim that made it, so that a worker that was
thought dead cannot put its own in the place of its successor's.
"""

from __future__ import annotations

import contextlib
import math
import os
import uuid
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from errors import catalogue
from filesvc.blobs import PREVIEWS, make_durable_folder, sync_folder
from filesvc.models import File
from security.upload import STAGING, storage_faults

MEDIA_TYPE = "image/webp"


def preview_path(file_id: uuid.UUID, fence: int) -> Path:
    """A fixed layout of the id and the fence alone, with the same fan-out as the files."""
    return _folder(file_id) / f"{file_id.hex}.{fence}"


def save_preview(file_id: uuid.UUID, fence: int, picture: bytes) -> None:
    """Keep the picture: whole and durable before it has its name.

    Raises StorageFull, StorageUnavailable.
    """
    staged = settings.STORAGE_ROOT / STAGING / uuid.uuid4().hex
    target = preview_path(file_id, fence)
    with storage_faults():
        try:
            _write_durably(staged, picture)
            make_durable_folder(target.parent)
            staged.rename(target)
            sync_folder(target.parent)
        finally:
            staged.unlink(missing_ok=True)


def open_preview(file: File) -> BinaryIO:
    """The valid picture of the file, to read.

    Raises NotFound when there is none, StorageUnavailable.
    """
    if file.preview_fence is None:
        raise catalogue.NotFound()
    with storage_faults():
        return preview_path(file.id, file.preview_fence).open("rb")


def delete_previews(file_id: uuid.UUID, *, below: float = math.inf) -> None:
    """Remove the pictures of the file whose fence is lower: those of claims that are over.

    Raises StorageUnavailable.
    """
    with storage_faults():
        for path in _folder(file_id).glob(f"{file_id.hex}.*"):
            if int(path.suffix[1:]) < below:
                path.unlink(missing_ok=True)


def _folder(file_id: uuid.UUID) -> Path:
    return Path(settings.STORAGE_ROOT) / PREVIEWS / file_id.hex[-2:]


def _write_durably(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with contextlib.closing(os.fdopen(descriptor, "wb")) as target:
        target.write(content)
        target.flush()
        os.fsync(descriptor)
