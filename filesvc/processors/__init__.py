"""What is found out about a kept file, by its type: one table, one file per kind."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, BinaryIO

from errors import catalogue
from filesvc.models import File
from filesvc.processors.images import describe_image
from filesvc.processors.text import describe_text
from filesvc.processors.whole import describe_whole
from security.upload import storage_faults

# Reads the open file from its start and returns what a person would want to know of it;
# raises an error of the catalogue for a file that is not what it seemed.
Processor = Callable[[File, BinaryIO], dict[str, Any]]

PROCESSORS: dict[str, Processor] = {
    "image/png": describe_image,
    "image/jpeg": describe_image,
    "image/gif": describe_image,
    "image/webp": describe_image,
    "image/tiff": describe_image,
    "image/bmp": describe_image,
    "text/plain": describe_text,
    "text/csv": describe_text,
    "text/markdown": describe_text,
    "application/json": describe_text,
}


def process(file: File, source: BinaryIO) -> dict[str, Any]:
    """The metadata of one file, after its bytes have proven to be the accepted ones.

    Raises ContentChanged, StorageUnavailable, and what the processor of its type raises.
    """
    check_unchanged(file, source)
    return PROCESSORS.get(file.media_type, describe_whole)(file, source)


def check_unchanged(file: File, source: BinaryIO) -> None:
    """Scanned bytes = kept bytes = processed bytes (CWE-367).

    Raises ContentChanged, StorageUnavailable.
    """
    with storage_faults():
        digest = hashlib.file_digest(source, "sha256")  # type: ignore[arg-type]  # any open file
    if digest.hexdigest() != file.sha256:
        raise catalogue.ContentChanged()
    source.seek(0)
