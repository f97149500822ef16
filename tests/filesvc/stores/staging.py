"""Staged and clean uploads, made without a request."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace

from django.utils import timezone

from security.upload import CleanUpload, ScanReport, open_staged

REPORT = ScanReport("ClamAV 1.4.6", "test-only", timezone.now())


@contextlib.contextmanager
def staged_clean(content: bytes, sha256: str | None = None) -> Iterator[CleanUpload]:
    """The bytes in staging, as the scanner lets them go; of another digest when one is given."""
    staged = open_staged("note.txt")
    os.write(staged.descriptor, content)
    staged.size_bytes = len(content)
    staged.sha256 = sha256 or hashlib.sha256(content).hexdigest()
    try:
        yield CleanUpload(staged, replace(REPORT, scanned_at=timezone.now()))
    finally:
        staged.close()
