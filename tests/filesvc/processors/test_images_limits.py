"""How much an image may be: pixels, frames and unpacked texts; our numbers and not Pillow's."""

from __future__ import annotations

import pytest
from PIL import Image, ImageFile, PngImagePlugin

from errors import catalogue
from filesvc.processors import images as processor
from security import image_limits
from tests.files import images
from tests.files.images import PNG_END, png, png_pixels
from tests.filesvc.processors.describing_images import describe, told


@pytest.mark.parametrize(("kind", "frames"), [("TIFF", 3), ("GIF", 3), ("PNG", 3), ("WEBP", 3)])
def test_frames_beyond_the_limit_are_refused(
    monkeypatch: pytest.MonkeyPatch, kind: str, frames: int
) -> None:
    content = images.moving(kind, frames)
    monkeypatch.setattr(image_limits, "MAX_FRAMES", frames)
    assert told(content, kind).frames == frames

    monkeypatch.setattr(image_limits, "MAX_FRAMES", frames - 1)

    with pytest.raises(catalogue.ImageLimitsExceeded):
        describe(content, kind)


def test_pixels_of_all_frames_together_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    content = images.moving("TIFF", 3, (10, 10))
    monkeypatch.setattr(processor, "MAX_PIXELS_OF_ALL_FRAMES", 300)
    assert told(content, "TIFF").frames == 3

    monkeypatch.setattr(processor, "MAX_PIXELS_OF_ALL_FRAMES", 299)

    with pytest.raises(catalogue.ImageLimitsExceeded):
        describe(content, "TIFF")


@pytest.mark.parametrize(
    ("kind", "name"), [("PNG", "MAX_PIXELS"), ("TIFF", "MAX_PIXELS"), ("WEBP", "MAX_CANVAS_PIXELS")]
)
def test_an_image_of_the_greatest_size_is_told_and_one_pixel_more_is_not(
    monkeypatch: pytest.MonkeyPatch, kind: str, name: str
) -> None:
    monkeypatch.setattr(processor, name, 12)

    assert told(images.picture(kind, size=(4, 3)), kind).width == 4
    with pytest.raises(catalogue.ImageLimitsExceeded):
        describe(images.picture(kind, size=(13, 1)), kind)


@pytest.mark.parametrize("size", [(60_000, 60_000), (10_000, 10_001), (2**31 - 1, 1)])
def test_what_is_too_large_is_refused_by_its_header(size: tuple[int, int]) -> None:
    with pytest.raises(catalogue.ImageLimitsExceeded):
        describe(png(png_pixels(), PNG_END, size=size), "PNG")


def test_pillow_has_our_limit_and_forgives_nothing() -> None:
    assert Image.MAX_IMAGE_PIXELS == image_limits.MAX_PIXELS
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_a_gif_frame_that_pillow_itself_finds_too_large_is_refused_as_such() -> None:
    content = images.gif(images.gif_frame((1, 1), left=60_000, top=60_000))

    with pytest.raises(catalogue.ImageLimitsExceeded):
        describe(content, "GIF")


def test_a_text_that_unpacks_to_too_much_is_corrupt() -> None:
    limit = PngImagePlugin.MAX_TEXT_CHUNK >> 20
    assert told(images.png_with(images.text_bomb(limit - 1)), "PNG").width == 3

    with pytest.raises(catalogue.CorruptContent):
        describe(images.png_with(images.text_bomb(limit + 1)), "PNG")


def test_texts_that_unpack_to_too_much_together_are_corrupt() -> None:
    bombs = [images.text_bomb(15)] * 5

    with pytest.raises(catalogue.CorruptContent):
        describe(images.png_with(*bombs), "PNG")
