"""Images: what they are, and a preview; read to their last frame by Pillow, inside our limits."""

from __future__ import annotations

import struct
import warnings

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from errors import catalogue
from filesvc.metadata import ImageMetadata
from filesvc.processors.image_notes import keep_as_stored, read_notes
from filesvc.processors.subject import Description, Subject
from filesvc.processors.thumbnails import MAX_SIDE, draw_preview
from security.image_limits import (
    MAX_CANVAS_PIXELS,
    MAX_PIXELS,
    MAX_PIXELS_OF_ALL_FRAMES,
    check_pixels,
    image_limits_exceeded,
)

# Nothing may be loaded once the process is locked: all of Pillow now, its encoders too.
Image.init()
# Pillow only warns at its limit; the warning is made an error below.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
ImageFile.LOAD_TRUNCATED_IMAGES = False
# One text or colour profile of a PNG, unpacked: XMP of a long history has megabytes. All texts
# together have Pillow's 64 MiB.
PngImagePlugin.MAX_TEXT_CHUNK = 16 * 1024 * 1024

# Each type by its own plugin, not by what the bytes look like. JPEG's has no second thoughts
# this way: further pictures behind the first (MPF) are left alone.
OPENERS: dict[str, type[ImageFile.ImageFile]] = {
    "image/bmp": BmpImagePlugin.BmpImageFile,
    "image/gif": GifImagePlugin.GifImageFile,
    "image/jpeg": JpegImagePlugin.JpegImageFile,
    "image/png": PngImagePlugin.PngImageFile,
    "image/tiff": TiffImagePlugin.TiffImageFile,
    "image/webp": WebPImagePlugin.WebPImageFile,
}
# What Pillow raised on 700,000 damaged images (measured); little of it is documented.
UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    EOFError,
    struct.error,
)
TOO_MUCH = (Image.DecompressionBombError, Image.DecompressionBombWarning)


def describe_image(subject: Subject) -> Description:
    """Size, format, colours, frames, and what the picture notes of itself; with a preview.

    Raises CorruptContent for what Pillow cannot read to its end, ImageLimitsExceeded.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with OPENERS[subject.media_type](subject.source) as image:
                return _describe(image, subject)
    except TOO_MUCH as error:
        raise image_limits_exceeded(type(error).__name__) from error
    except UNREADABLE as error:
        raise catalogue.CorruptContent(note=type(error).__name__) from error


def _describe(image: ImageFile.ImageFile, subject: Subject) -> Description:
    mode, (width, height) = image.mode, stored_size(image)
    check_pixels(width, height, 1, most_pixels(image))
    frames: int = getattr(image, "n_frames", 1)
    check_pixels(1, 1, frames)
    orientation = keep_as_stored(image)
    load_first_frame(image)
    notes = read_notes(image)
    preview = draw_preview(image, orientation or notes.orientation)
    walk_frames(image, frames, subject)
    return Description(
        ImageMetadata(
            width=width,
            height=height,
            format=str(image.format),
            mode=mode,
            frames=frames,
            orientation=orientation or notes.orientation,
            captured_at=notes.captured_at,
            colour_profile=notes.colour_profile,
            has_location=notes.has_location,
        ),
        preview,
    )


def most_pixels(image: ImageFile.ImageFile, number: int = 0) -> int:
    """How large a frame may be, by how many copies its decoder holds; as the gates have it."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return MAX_PIXELS
    is_costly = number > 0 or isinstance(image, WebPImagePlugin.WebPImageFile)
    return MAX_CANVAS_PIXELS if is_costly else MAX_PIXELS


def stored_size(image: ImageFile.ImageFile) -> tuple[int, int]:
    """Width and height before any orientation; Pillow tells those of a TIFF turned."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return image.tag_v2[TiffImagePlugin.IMAGEWIDTH], image.tag_v2[TiffImagePlugin.IMAGELENGTH]
    return image.size


def load_first_frame(image: ImageFile.ImageFile) -> None:
    """Decode all of it. A JPEG comes out smaller, as far as the preview allows: every coefficient
    is decoded all the same, so damage shows as it does at full size (measured), and the pixels
    take a 64th of the memory.
    """
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        width, height = image.size
        scale = min(1.0, 2 * MAX_SIDE / max(width, height))
        image.draft(None, (max(1, int(width * scale)), max(1, int(height * scale))))
    image.load()


def walk_frames(image: ImageFile.ImageFile, frames: int, subject: Subject) -> None:
    """Decode every further frame: one that is broken or missing ends the walk with EOFError."""
    pixels = image.width * image.height
    for number in range(1, frames):
        image.seek(number)
        check_pixels(image.width, image.height, 1, most_pixels(image, number))
        pixels += image.width * image.height
        if pixels > MAX_PIXELS_OF_ALL_FRAMES:
            raise image_limits_exceeded("too many pixels in all frames")
        keep_as_stored(image)
        image.load()
        subject.report("frames", 100 * number // frames)
