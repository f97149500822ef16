"""The preview: small, upright, in sRGB, and nothing in it but pixels."""

from __future__ import annotations

import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageOps, ImageStat

from filesvc.processors import thumbnails
from filesvc.processors.thumbnails import draw_preview
from security.structure.riff import HEADER_BYTES, walk_chunks
from tests.files import images
from tests.filesvc.processors.describing_images import describe

SIDES = st.integers(1, 3000)


def opened(preview: bytes | None) -> Image.Image:
    assert preview is not None
    return Image.open(io.BytesIO(preview), formats=["WEBP"])


def preview_of(content: bytes, kind: str) -> Image.Image:
    return opened(describe(content, kind).preview)


def difference(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of their pixels, 0 to 255."""
    assert one.size == other.size
    return max(ImageStat.Stat(ImageChops.difference(one.convert("RGB"), other.convert("RGB"))).mean)


def corners() -> Image.Image:
    """Each corner has a colour of its own."""
    picture = Image.new("RGB", (1300, 700), "white")
    for place, colour in {(0, 0): "red", (900, 0): "lime", (0, 500): "blue"}.items():
        picture.paste(colour, (*place, place[0] + 400, place[1] + 200))
    return picture


@pytest.mark.property
@given(width=SIDES, height=SIDES)
def test_a_preview_keeps_the_shape_and_is_never_larger(width: int, height: int) -> None:
    small = opened(draw_preview(Image.new("L", (width, height), 90)))

    scale = min(1.0, 512 / max(width, height))
    assert small.width == pytest.approx(width * scale, abs=1)
    assert small.height == pytest.approx(height * scale, abs=1)
    assert max(small.size) == min(512, max(width, height))


@pytest.mark.parametrize("size", [(30_000, 1), (1, 30_000)])
def test_a_line_keeps_one_pixel_of_its_width(size: tuple[int, int]) -> None:
    assert min(opened(draw_preview(Image.new("RGB", size))).size) == 1


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_preview_is_upright(kind: str, orientation: int) -> None:
    content = images.save(corners(), kind, exif=images.notes(orientation))
    with Image.open(
        io.BytesIO(images.save(corners(), "PNG", exif=images.notes(orientation)))
    ) as it:
        upright = ImageOps.exif_transpose(it)

    small = preview_of(content, kind)

    assert difference(small, upright.resize(small.size, Image.Resampling.LANCZOS)) < 3


def test_a_tiff_of_several_pages_is_upright_too() -> None:
    pages = {"save_all": True, "append_images": [corners()], "tiffinfo": {274: 6}}
    content = images.save(corners(), "TIFF", **pages)

    assert preview_of(content, "TIFF").size == (276, 512)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_preview_has_no_notes(kind: str) -> None:
    exif = images.notes(3, "2024:01:02 03:04:05", "+01:00", {2: (1.0, 2.0, 3.0)})
    options = {"exif": exif, "icc_profile": images.profile(), "xmp": b"<x:xmpmeta/>"}
    content = images.save(images.pattern(), kind, **options)

    preview = describe(content, kind).preview or b""

    chunks = walk_chunks(io.BytesIO(preview), HEADER_BYTES, len(preview))
    assert [chunk.name for chunk in chunks] == [b"VP8 "]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "RGBa"])
def test_transparency_stays(mode: str) -> None:
    picture = Image.new("RGBA", (40, 40), (200, 0, 0, 0)).convert(
        {"PA": "RGBA", "LA": "LA"}.get(mode, mode)
    )
    picture.paste(Image.new(picture.mode, (20, 40), "white"))

    small = opened(draw_preview(picture.convert(mode) if mode != "PA" else picture))

    assert small.mode == "RGBA"
    alpha = small.getchannel("A")
    assert (alpha.getpixel((5, 5)), alpha.getpixel((35, 5))) == (255, 0)


@pytest.mark.parametrize(("mode", "colour"), [("P", 3), ("L", 3), ("RGB", (0, 0, 0))])
def test_a_transparent_colour_is_transparent(mode: str, colour: int | tuple[int, ...]) -> None:
    picture = Image.new(mode, (9, 9), colour)
    if mode == "P":
        picture.putpalette(bytes(range(48)))

    small = preview_of(images.save(picture, "PNG", transparency=colour), "PNG")

    assert small.getchannel("A").getextrema() == (0, 0)


@pytest.mark.parametrize(
    ("mode", "value", "expected"),
    [("I;16", 65_535, 255), ("I;16", 32_896, 128), ("1", 255, 255), ("L", 77, 77), ("I", 5, 5)],
)
def test_greys_of_any_depth_are_as_light_as_they_are_meant(
    mode: str, value: int, expected: int
) -> None:
    small = opened(draw_preview(Image.new(mode, (20, 20), value)))

    assert ImageStat.Stat(small).mean[0] == pytest.approx(expected, abs=2)


def test_greys_without_a_range_are_spread_from_dark_to_light() -> None:
    picture = images.pattern("F", (64, 64)).point(lambda value: value * 0.001 - 7)

    counts = opened(draw_preview(picture)).convert("L").histogram()

    assert sum(counts[:20]) > 0
    assert sum(counts[235:]) > 0


@pytest.mark.parametrize("odd", [math.nan, math.inf])
def test_greys_that_are_no_numbers_are_drawn_somehow(odd: float) -> None:
    picture = images.pattern("F")
    picture.putpixel((3, 3), odd)

    assert opened(draw_preview(picture)).size == (24, 18)


def test_a_mode_nobody_looks_at_has_no_preview() -> None:
    assert draw_preview(Image.new("LAB", (3, 3))) is None


def test_colours_are_those_of_the_profile() -> None:
    swapped = images.profile().replace(b"rXYZ", b"____").replace(b"gXYZ", b"rXYZ")
    red = Image.new("RGB", (30, 30), "red")
    content = images.save(red, "PNG", icc_profile=swapped.replace(b"____", b"gXYZ"))

    assert difference(preview_of(content, "PNG"), Image.new("RGB", (30, 30), "lime")) < 8


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("profile", [images.profile(), images.profile()[:300], b"none"])
def test_a_profile_that_does_not_fit_changes_nothing(mode: str, profile: bytes) -> None:
    plain = preview_of(images.picture("JPEG", mode, quality=95), "JPEG")
    noted = preview_of(images.picture("JPEG", mode, quality=95, icc_profile=profile), "JPEG")

    assert difference(plain, noted) < 3


@pytest.mark.parametrize("mode", ["L", "P", "RGB", "RGBA", "CMYK", "I;16", "1"])
def test_a_picture_drawn_in_bands_is_the_one_drawn_at_once(
    monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    picture = images.pattern(mode, (2500, 1111))
    at_once = draw_preview(picture)

    monkeypatch.setattr(thumbnails, "BAND_PIXELS", 30_000)

    assert draw_preview(picture) == at_once


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_the_first_frame_is_shown(kind: str) -> None:
    first, second = Image.new("RGB", (20, 20), "red"), Image.new("RGB", (20, 20), "blue")
    content = images.save(first, kind, save_all=True, append_images=[second])

    assert difference(preview_of(content, kind), first) < 8
