"""Draws previews: a small WebP of a picture, upright, in sRGB, and with nothing but pixels."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Callable

from PIL import Image, ImageCms, WebPImagePlugin

MAX_SIDE = 512
QUALITY = 80
# Reduced first by averaging to no less than this, then resampled: fast and still sharp.
REDUCED_SIDE = 2 * MAX_SIDE
# A band is converted at a time, so that no second copy of a large picture is ever held.
BAND_PIXELS = 4_000_000
DEEP_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
# What is drawn as what; a mode that is not here has no preview.
DRAWN_AS = {
    **dict.fromkeys(("1", "L", *DEEP_MODES), "L"),
    **dict.fromkeys(("RGB", "RGBX", "P", "YCbCr"), "RGB"),
    **dict.fromkeys(("RGBA", "RGBa", "LA", "PA"), "RGBA"),
    "CMYK": "CMYK",
}
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SRGB = ImageCms.createProfile("sRGB")
# Its encoder is in place before the process loses the right to load one.
assert WebPImagePlugin.SUPPORTED  # noqa: S101 - a build without WebP can do nothing here


def draw_preview(image: Image.Image, orientation: int | None = None) -> bytes | None:
    """At most 512 pixels a side, never enlarged; None for a mode nobody looks at.

    The image is loaded, and as it is stored: `orientation` (EXIF, 1 to 8) turns the preview.
    """
    drawn_as = DRAWN_AS.get(image.mode)
    if drawn_as is None:
        return None
    if drawn_as in ("L", "RGB") and "transparency" in image.info:
        drawn_as = "RGBA"
    small = _reduce(image, drawn_as)
    small = _convert_to_srgb(small, image.info.get("icc_profile"))
    small.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    if orientation in TURNS:
        small = small.transpose(TURNS[orientation])
    return _encode(small)


def _reduce(image: Image.Image, drawn_as: str) -> Image.Image:
    """A copy of half the size, or a third, and so on; band by band."""
    width, height = image.im.size
    factor = max(1, max(width, height) // REDUCED_SIDE)
    small = Image.new(drawn_as, (-(-width // factor), -(-height // factor)))
    spread = _find_spread(image)
    rows = max(1, BAND_PIXELS // width // factor) * factor
    for top in range(0, height, rows):
        band = image.crop((0, top, width, min(top + rows, height)))
        if image.mode in DEEP_MODES:
            band = band.convert("F").point(spread)
        small.paste(band.convert(drawn_as).reduce(factor), (0, top // factor))
    return small


def _find_spread(image: Image.Image) -> Callable[[float], float]:
    """What brings deep greys to 0 to 255; those of 32 bits are stretched from end to end."""
    if image.mode not in ("I", "F"):
        return lambda grey: grey * (1 / 257) + 0.0
    lowest, highest = (float(str(extreme)) for extreme in image.getextrema())
    if not math.isfinite(highest - lowest) or highest == lowest:
        return lambda grey: grey * 1.0 + 0.0
    factor = 255 / (highest - lowest)
    return lambda grey: grey * factor - lowest * factor


def _convert_to_srgb(small: Image.Image, profile: object) -> Image.Image:
    """By its profile; a picture without one, or with one that does not fit, is taken as sRGB."""
    if isinstance(profile, bytes) and profile:
        with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            mode = "RGBA" if small.mode == "RGBA" else "RGB"
            small = ImageCms.profileToProfile(small, source, SRGB, outputMode=mode) or small
    return small if small.mode == "RGBA" else small.convert("RGB")


def _encode(small: Image.Image) -> bytes:
    """The pixels alone: no EXIF, no XMP, no colour profile (OWASP ASVS 5.0 14.2.8)."""
    bare = Image.new(small.mode, small.size)
    bare.paste(small)
    target = io.BytesIO()
    bare.save(target, "WEBP", quality=QUALITY)
    return target.getvalue()
