"""Images: dimensions, format and frames, read by Pillow inside a pixel limit."""

from __future__ import annotations

import struct
import warnings

from PIL import Image

from errors import catalogue
from filesvc.metadata import ImageMetadata
from filesvc.processors.subject import Description, Subject

MAX_PIXELS = 100_000_000
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP")
# What Pillow raised on 700,000 damaged images (measured); little of it is documented.
UNREADABLE = (
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    EOFError,
    struct.error,
)


def describe_image(subject: Subject) -> Description:
    """Width and height in pixels, the format, the colour mode and the number of frames.

    Raises CorruptContent for what Pillow cannot read to its end or what has too many pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(subject.source, formats=FORMATS) as image:
                return _describe(image)
    except UNREADABLE as error:
        raise catalogue.CorruptContent(note=type(error).__name__) from error


def _describe(image: Image.Image) -> Description:
    if image.width * image.height > MAX_PIXELS:
        raise catalogue.CorruptContent(note="too many pixels")
    found = ImageMetadata(
        width=image.width,
        height=image.height,
        format=str(image.format),
        mode=image.mode,
        frames=getattr(image, "n_frames", 1),
    )
    image.load()
    return Description(found)
