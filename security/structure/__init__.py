"""What a bounded read of the container decides: one table, one file per kind of container.

The worker opens the file for real (filesvc.processors); here no decoder runs, no name in the
file is followed, and nothing is held in memory that grows with the file.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import BinaryIO

from security.policy import OOXML
from security.structure.bmp import inspect_bmp
from security.structure.flac import inspect_flac
from security.structure.gif import inspect_gif
from security.structure.jpeg import inspect_jpeg
from security.structure.mp3 import inspect_mp3
from security.structure.ogg import inspect_ogg
from security.structure.ooxml import inspect_office
from security.structure.pdf import inspect_pdf
from security.structure.png import inspect_png
from security.structure.tiff import inspect_tiff
from security.structure.wav import inspect_wav
from security.structure.webp import inspect_webp
from security.structure.zip_archive import inspect_zip
from security.upload import StagedUpload, storage_faults

# Reads the open file, of that many bytes, and raises an error of the catalogue for one that
# is not whole, hides something or costs too much.
Inspector = Callable[[BinaryIO, int], None]

INSPECTORS: dict[str, Inspector] = {
    "image/png": inspect_png,
    "image/jpeg": inspect_jpeg,
    "image/gif": inspect_gif,
    "image/webp": inspect_webp,
    "image/tiff": inspect_tiff,
    "image/bmp": inspect_bmp,
    "audio/vnd.wave": inspect_wav,
    "audio/mpeg": inspect_mp3,
    "audio/flac": inspect_flac,
    "audio/ogg": inspect_ogg,
    "application/pdf": inspect_pdf,
    "application/zip": inspect_zip,
    **{
        f"{OOXML}{kind}": partial(inspect_office, media_type=f"{OOXML}{kind}")
        for kind in (
            "wordprocessingml.document",
            "spreadsheetml.sheet",
            "presentationml.presentation",
        )
    },
}


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
