"""Previews: small pictures of our own making, kept beside the files, one for each claim.

Named after the file and the fence of the claim that made it, so that a worker that was
thought dead cannot put its own in the place of its successor's.
"""

from __future__ import annotations

import math
import uuid
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from errors import catalogue
from filesvc.models import File
from filesvc.stores import current_store
from filesvc.stores.folder import Folder
from filesvc.stores.places import PREVIEWS
from security.upload import storage_faults

MEDIA_TYPE = "image/webp"
# The confined process answers with no larger one.
MAX_PREVIEW_BYTES = 1024 * 1024


def preview_path(file_id: uuid.UUID, fence: int) -> Path:
    """A fixed layout of the id and the fence alone, with the same fan-out as the files."""
    folder = Folder(Path(settings.STORAGE_ROOT))
    return folder.path_of(folder.place_of(PREVIEWS, file_id, _ending(fence)))


def save_preview(file_id: uuid.UUID, fence: int, picture: bytes) -> None:
    """Keep the picture: whole and durable before it has its name.

    Raises StorageFull, StorageUnavailable.
    """
    store = current_store()
    with storage_faults():
        store.put(store.place_of(PREVIEWS, file_id, _ending(fence)), picture)


def open_preview(file: File) -> BinaryIO:
    """The valid picture of the file, to read.

    Raises NotFound when there is none, StorageUnavailable.
    """
    if file.preview_fence is None:
        raise catalogue.NotFound()
    store = current_store()
    place = store.place_of(PREVIEWS, file.id, _ending(file.preview_fence))
    with storage_faults():
        return store.open(place, MAX_PREVIEW_BYTES)


def delete_previews(file_id: uuid.UUID, *, below: float = math.inf) -> None:
    """Remove the pictures of the file whose fence is lower: those of claims that are over.

    Raises StorageUnavailable.
    """
    store = current_store()
    with storage_faults():
        for place in store.places_of(PREVIEWS, file_id):
            if int(place.rpartition(".")[2]) < below:
                store.delete(place)


def _ending(fence: int) -> str:
    return f".{fence}"
