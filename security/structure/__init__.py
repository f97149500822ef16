"""What a bounded read of the container decides: one table, one file per kind of container.

The worker opens the file for real (filesvc.processors); here no decoder runs, no name in the
file is followed, and nothing is held in memory that grows with the file.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import BinaryIO

from security.upload import StagedUpload, storage_faults

# Reads the open file, of that many bytes, and raises an error of the catalogue for one that
# is not whole, hides something or costs too much.
Inspector = Callable[[BinaryIO, int], None]

INSPECTORS: dict[str, Inspector] = {}


@storage_faults()
def inspect_structure(upload: StagedUpload, media_type: str) -> None:
    """Refuse what its container gives away; a type without a container passes.

    Raises CorruptContent, AmbiguousContent, EncryptedContent, ActiveContent,
    ArchiveLimitsExceeded, ArchiveUnsafeEntry, ImageLimitsExceeded, ContentMismatch,
    StorageUnavailable.
    """
    inspect = INSPECTORS.get(media_type)
    if inspect is None:
        return
    with os.fdopen(os.dup(upload.descriptor), "rb") as source:
        source.seek(0)
        inspect(source, upload.size_bytes)
