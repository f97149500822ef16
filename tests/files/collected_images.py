"""Pictures of the collection, with what must be told of each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PIL import Image

from tests.files import images
from tests.files.images import moving, picture
from tests.files.sample import Sample, installed

SIZE = (24, 18)
BERLIN: dict[int, object] = {1: "N", 2: (52.0, 31.0, 0.0), 3: "E", 4: (13.0, 24.0, 0.0)}
TAKEN = "2021:02:03 04:05:06"
SHOT = images.notes(6, TAKEN, "+02:00", BERLIN)


def sample(
    name: str,
    make: Callable[[], bytes],
    size: tuple[int, int] = SIZE,
    mode: str = "RGB",
    *,
    frames: int = 1,
    preview: tuple[int, int] | None = (0, 0),
    **more: Any,
) -> Sample:
    """A picture whose preview is as large as it is, unless another size is given."""
    extension = name.rpartition(".")[2].upper()
    kind = {"JPG": "JPEG", "TIF": "TIFF"}.get(extension, extension)
    told = {
        "kind": "image",
        "width": size[0],
        "height": size[1],
        "format": kind,
        "mode": mode,
        "frames": frames,
        "orientation": None,
        "captured_at": None,
        "colour_profile": None,
        "has_location": False,
    }
    shown = size if preview == (0, 0) else preview
    return Sample(name, f"image/{kind.lower()}", make, told | more, shown)


def lab() -> bytes:
    """Colours nobody draws."""
    return images.save(Image.new("LAB", SIZE), "TIFF")


def see_through() -> bytes:
    """A palette one of whose colours is no colour."""
    return images.save(images.pattern("P"), "GIF", transparency=0)


SAMPLES = [
    sample("rgb.png", partial(picture, "PNG")),
    sample("rgba.png", partial(picture, "PNG", "RGBA"), mode="RGBA"),
    sample("palette.png", partial(picture, "PNG", "P"), mode="P"),
    sample("grey.png", partial(picture, "PNG", "L"), mode="L"),
    sample("deep.png", partial(picture, "PNG", "I;16"), mode="I;16"),
    sample("line-art.png", partial(picture, "PNG", "1"), mode="1"),
    sample("laced.png", images.interlaced_png, (5, 4), mode="L"),
    sample("moving.png", partial(moving, "PNG", 3), frames=3),
    sample(
        "noted.png",
        lambda: picture("PNG", exif=images.notes(3, TAKEN), icc_profile=images.profile()),
        orientation=3,
        captured_at="2021-02-03T04:05:06",
        colour_profile="sRGB built-in",
    ),
    sample("wide.png", partial(picture, "PNG", "L", (2048, 2)), (2048, 2), "L", preview=(512, 1)),
    sample("console.png", installed("werkzeug", "debug/shared/console.png"), (16, 16), "RGBA"),
    sample(
        "grid.png",
        installed("rest_framework", "static/rest_framework/img/grid.png"),
        (90, 306),
        "RGBA",
    ),
    sample(
        "logo.png",
        installed("importlinter", "ui/static/logo.png"),
        (100, 100),
        "RGBA",
        orientation=1,
    ),
    sample("rgb.jpg", partial(picture, "JPEG")),
    sample("progressive.jpeg", lambda: picture("JPEG", progressive=True, quality=30)),
    sample("grey.jpg", partial(picture, "JPEG", "L"), mode="L"),
    sample("print.jpg", partial(picture, "JPEG", "CMYK"), mode="CMYK"),
    sample(
        "large.jpg",
        partial(picture, "JPEG", "L", (1600, 800)),
        (1600, 800),
        "L",
        preview=(512, 256),
    ),
    sample(
        "shot.jpg",
        lambda: picture("JPEG", exif=SHOT, icc_profile=images.profile()),
        orientation=6,
        captured_at="2021-02-03T04:05:06+02:00",
        colour_profile="sRGB built-in",
        has_location=True,
        preview=(18, 24),
    ),
    sample("stereo.jpg", images.further_pictures),
    sample(
        "thumbnail.jpeg",
        installed("docx", "templates/default-docx-template/docProps/thumbnail.jpeg"),
        (395, 512),
        colour_profile="Generic RGB Profile",
    ),
    sample("palette.gif", partial(picture, "GIF", "P"), mode="P"),
    sample("moving.gif", partial(moving, "GIF", 4), mode="P", frames=4),
    sample("see-through.gif", see_through, mode="P"),
    sample("supervisor.gif", installed("supervisor", "ui/images/supervisor.gif"), (242, 45), "P"),
    sample("state.gif", installed("supervisor", "ui/images/state0.gif"), (61, 18), "P"),
    sample("lossy.webp", partial(picture, "WEBP")),
    sample("lossless.webp", lambda: picture("WEBP", "RGBA", lossless=True), mode="RGBA"),
    sample("moving.webp", partial(moving, "WEBP", 3), frames=3),
    sample(
        "shot.webp",
        lambda: picture("WEBP", exif=SHOT),
        orientation=6,
        captured_at="2021-02-03T04:05:06+02:00",
        has_location=True,
        preview=(18, 24),
    ),
    sample("rgb.tiff", partial(picture, "TIFF")),
    sample("pages.tif", partial(moving, "TIFF", 3), frames=3),
    sample("packed.tif", lambda: picture("TIFF", "1", compression="group4"), mode="1"),
    sample("deflated.tif", lambda: picture("TIFF", compression="tiff_deflate")),
    sample("print.tif", partial(picture, "TIFF", "CMYK"), mode="CMYK"),
    sample("measured.tif", partial(picture, "TIFF", "F"), mode="F"),
    sample("large.tiff", lambda: picture("TIFF", big_tiff=True)),
    sample("lab.tif", lab, mode="LAB", preview=None),
    sample("rgb.bmp", partial(picture, "BMP")),
    sample("palette.bmp", partial(picture, "BMP", "P"), mode="P"),
    sample("core.bmp", lambda: images.bmp(core=True), (3, 2)),
    sample("upside-down.bmp", lambda: images.bmp((3, -2)), (3, 2)),
]
