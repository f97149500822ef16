"""How much a container may hold; each limit with the refusal that names it."""

from __future__ import annotations

from django.conf import settings

from errors import catalogue

# A photo of 100 megapixels takes 400 MB while it is decoded.
MAX_PIXELS = 100_000_000
# All frames together may have ten times that.
MAX_FRAMES = 1000
MAX_ENTRIES = 10_000
# Counted from 1 MiB of unpacked bytes up: short repetitive members are no bombs.
MAX_RATIO = 100
RATIO_COUNTS_FROM_BYTES = 1024 * 1024
# The archive itself is the first level.
MAX_DEPTH = 3


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


def image_limits_exceeded(note: str) -> catalogue.ImageLimitsExceeded:
    """The refusal of an image that is too much."""
    return catalogue.ImageLimitsExceeded(note=note, max_pixels=MAX_PIXELS, max_frames=MAX_FRAMES)
