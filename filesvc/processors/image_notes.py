"""What a picture says of itself beside its pixels: how it was held, when and with which colours.

Damage here spoils no picture: a note that cannot be read is not told.
"""

from __future__ import annotations

import contextlib
import io
import re
import struct
from dataclasses import dataclass
from datetime import datetime

from PIL import ExifTags, Image, ImageCms, TiffImagePlugin

from filesvc.metadata import clean_text

# What Pillow raised on damaged EXIF and damaged colour profiles (measured).
UNREADABLE_NOTE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    EOFError,
    struct.error,
)
ORIENTATION = ExifTags.Base.Orientation
UPRIGHT = 1
# Year, month, day, hour, minute, second (Exif 3.0, 4.6.6).
_MOMENT = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)")
_ZONE = re.compile(r"[+-](0\d|1[0-4]):[0-5]\d")
XMP_KEYS = ("xmp", "XML:com.adobe.xmp")


@dataclass(frozen=True)
class Notes:
    """What could be read; None for what was not there or was damaged."""

    orientation: int | None
    captured_at: str | None
    colour_profile: str | None
    has_location: bool


def read_notes(image: Image.Image) -> Notes:
    """Everything the picture notes; some of it may stand behind its pixels, so load them first."""
    shot: dict[int, object] = {}
    place: dict[int, object] = {}
    with contextlib.suppress(*UNREADABLE_NOTE):
        shot = image.getexif().get_ifd(ExifTags.IFD.Exif)
    with contextlib.suppress(*UNREADABLE_NOTE):
        place = image.getexif().get_ifd(ExifTags.IFD.GPSInfo)
    return Notes(
        orientation=read_orientation(image),
        captured_at=_read_moment(shot),
        colour_profile=_read_profile_name(image),
        # Cameras without a receiver write the version of the GPS notes all the same.
        has_location=bool(set(place) - {ExifTags.GPS.GPSVersionID}) or _has_location_in_xmp(image),
    )


def read_orientation(image: Image.Image) -> int | None:
    """1 to 8, as EXIF numbers them."""
    with contextlib.suppress(*UNREADABLE_NOTE):
        orientation = image.getexif().get(ORIENTATION)
        if isinstance(orientation, int) and 1 <= orientation <= 8:
            return orientation
    return None


def keep_as_stored(image: Image.Image) -> int | None:
    """The orientation of a TIFF, which Pillow then does not turn while it loads it.

    That would hold the picture twice. Not asked of others before they are loaded: Pillow loads
    a PNG to find its notes, and damage to its pixels would pass for a damaged note.
    """
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return None
    orientation = read_orientation(image)
    if orientation is not None:
        image.getexif()[ORIENTATION] = UPRIGHT
    return orientation


def _read_moment(shot: dict[int, object]) -> str | None:
    found = _MOMENT.match(str(shot.get(ExifTags.Base.DateTimeOriginal, "")))
    if found is None:
        return None
    zone = _ZONE.match(str(shot.get(ExifTags.Base.OffsetTimeOriginal, "")))
    with contextlib.suppress(ValueError):
        year, month, day, hour, minute, second = map(int, found.groups())
        # The moment has no zone of its own; what stands beside it is told as it is.
        moment = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001
        return moment.isoformat() + (zone.group() if zone else "")
    return None


def _read_profile_name(image: Image.Image) -> str | None:
    content = image.info.get("icc_profile")
    with contextlib.suppress(*UNREADABLE_NOTE):
        if isinstance(content, bytes) and content:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(content))
            return clean_text(profile.profile.profile_description)
    return None


def _has_location_in_xmp(image: Image.Image) -> bool:
    for key in XMP_KEYS:
        content = image.info.get(key, b"")
        if ("exif:GPSL" if isinstance(content, str) else b"exif:GPSL") in content:
            return True
    return False
