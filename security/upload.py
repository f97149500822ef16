"""A file in flight: staged first, clean after the scan, kept after that or gone."""

from __future__ import annotations

import contextlib
import errno
import os
import uuid
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import structlog
from django.conf import settings

from errors import catalogue

log = structlog.get_logger("storage")

STAGING = "staging"


@dataclass
class StagedUpload:
    """The bytes of one file part, on the storage's own file system, under no served name.

    `descriptor` stays open from the first byte to the end: what is sniffed, scanned and
    kept is the same open file (OWASP ASVS 5.0 15.4.2).
    """

    path: Path
    descriptor: int
    name: str
    size_bytes: int = 0
    sha256: str = ""
    # The text parts beside it, by their names.
    fields: dict[str, str] = field(default_factory=dict)
    is_promoted: bool = field(default=False)
    # What a store began with beside the scan; it says at the end what became of it.
    written_out: Future[None] | None = field(default=None)

    def close(self) -> None:
        """Let go of the file; its bytes go too unless they were promoted.

        A store that fails here changes no answer: what is kept is durable by now, and a
        refusal has a reason of its own.
        """
        with contextlib.suppress(OSError):
            os.close(self.descriptor)
        try:
            if not self.is_promoted:
                self.path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("staged.left_behind", error=type(error).__name__, path=self.path.name)


@dataclass(frozen=True)
class ScanReport:
    """Who vouches for the bytes: engine, signature set and moment."""

    engine: str
    signatures: str
    scanned_at: datetime


@dataclass(frozen=True)
class CleanUpload:
    """An upload the scanner found clean. Only `security.malware` makes one."""

    staged: StagedUpload
    scan: ScanReport


def open_staged(name: str) -> StagedUpload:
    """A new empty staged file, readable by this user alone.

    Raises StorageUnavailable, StorageFull.
    """
    path = settings.STORAGE_ROOT / STAGING / uuid.uuid4().hex
    with storage_faults():
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    return StagedUpload(path=path, descriptor=descriptor, name=name)


@contextlib.contextmanager
def storage_faults() -> Iterator[None]:
    """Tell a full store from a broken one.

    Raises StorageFull (ENOSPC, EDQUOT) or StorageUnavailable for any other OSError.
    """
    try:
        yield
    except OSError as error:
        # A store behind a network says more than a number can.
        note = getattr(error, "note", errno.errorcode.get(error.errno or 0, "OSError"))
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise catalogue.StorageFull(note=note) from error
        raise catalogue.StorageUnavailable(note=note) from error
