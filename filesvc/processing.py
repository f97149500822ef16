"""Has one claimed file described: the bytes proven first, then read by its processor."""

from __future__ import annotations

import hashlib
from typing import BinaryIO

from errors import catalogue
from filesvc.models import File
from filesvc.processors import describe
from filesvc.processors.subject import Description, Subject
from security.upload import storage_faults


def describe_file(file: File, source: BinaryIO) -> Description:
    """What its processor finds, after its bytes have proven to be the accepted ones.

    Raises ContentChanged, StorageUnavailable, and what the processor of its type raises.
    """
    check_unchanged(file, source)
    return describe(Subject(file.media_type, file.size_bytes, file.sha256, source))


def check_unchanged(file: File, source: BinaryIO) -> None:
    """Scanned bytes = kept bytes = processed bytes (CWE-367).

    Raises ContentChanged, StorageUnavailable.
    """
    with storage_faults():
        digest = hashlib.file_digest(source, "sha256")  # type: ignore[arg-type]  # any open file
    if digest.hexdigest() != file.sha256:
        raise catalogue.ContentChanged()
    source.seek(0)
