"""How large an image may be: the numbers that the gates and the worker share (no Django here)."""

from __future__ import annotations

from errors import catalogue

# A photo of 100 megapixels takes 400 MB while it is decoded.
MAX_PIXELS = 100_000_000
MAX_FRAMES = 1000
# All frames together: a film of 480 frames in full HD.
MAX_PIXELS_OF_ALL_FRAMES = 10 * MAX_PIXELS
# Frames that build on each other are decoded with several copies of the canvas at hand, and a
# WebP always is: Pillow needs up to 17 bytes for each of its pixels (measured).
MAX_CANVAS_PIXELS = 40_000_000


def check_pixels(width: int, height: int, frames: int = 1, most: int = MAX_PIXELS) -> None:
    """Refuse a picture of no size, or of more than `most` pixels a frame, or too many frames.

    Raises CorruptContent, ImageLimitsExceeded (OWASP ASVS 5.0 5.2.6).
    """
    if width <= 0 or height <= 0:
        raise catalogue.CorruptContent(note="image without width or height")
    pixels = width * height
    if pixels > most:
        raise image_limits_exceeded("too many pixels", most)
    if frames > MAX_FRAMES or pixels * frames > MAX_PIXELS_OF_ALL_FRAMES:
        raise image_limits_exceeded("too many frames", most)


def image_limits_exceeded(note: str, max_pixels: int = MAX_PIXELS) -> catalogue.ImageLimitsExceeded:
    """The refusal of an image that is too much."""
    return catalogue.ImageLimitsExceeded(note=note, max_pixels=max_pixels, max_frames=MAX_FRAMES)
