"""How much a container may hold; each limit with the refusal that names it."""

from __future__ import annotations

from django.conf import settings

from errors import catalogue

# What the worker has to know too stands where no Django is.
from security.archive_limits import MAX_DEPTH as MAX_DEPTH
from security.archive_limits import MAX_ENTRIES as MAX_ENTRIES
from security.archive_limits import MAX_RATIO as MAX_RATIO
from security.archive_limits import RATIO_COUNTS_FROM_BYTES as RATIO_COUNTS_FROM_BYTES
from security.image_limits import MAX_FRAMES as MAX_FRAMES
from security.image_limits import MAX_PIXELS as MAX_PIXELS
from security.image_limits import image_limits_exceeded as image_limits_exceeded


def max_member_bytes() -> int:
    """The largest member: below clamd's MaxFileSize, or it scans only the start (measured)."""
    return int(settings.MAX_UPLOAD_BYTES)


def max_unpacked_bytes() -> int:
    """All members of all levels together: clamd's MaxScanSize is as large."""
    return 4 * int(settings.MAX_UPLOAD_BYTES)


def archive_limits_exceeded(note: str) -> catalogue.ArchiveLimitsExceeded:
    """The refusal of an archive that is too much."""
    return catalogue.ArchiveLimitsExceeded(
        note=note,
        max_ratio=MAX_RATIO,
        max_entries=MAX_ENTRIES,
        max_depth=MAX_DEPTH,
        max_unpacked_bytes=max_unpacked_bytes(),
    )
