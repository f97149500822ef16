"""What the tests of the image gates share: asking one, and what Pillow writes for it."""

from __future__ import annotations

import io
from typing import Any

from hypothesis import strategies as st

from errors.base import ServiceError
from security.structure import Inspector
from security.structure.bmp import inspect_bmp
from security.structure.gif import inspect_gif
from security.structure.jpeg import inspect_jpeg
from security.structure.png import inspect_png
from security.structure.tiff import inspect_tiff
from security.structure.webp import inspect_webp
from tests import samples
from tests.files import images

GATES: dict[str, Inspector] = {
    "PNG": inspect_png,
    "JPEG": inspect_jpeg,
    "GIF": inspect_gif,
    "WEBP": inspect_webp,
    "TIFF": inspect_tiff,
    "BMP": inspect_bmp,
}
MODES = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "GIF": ("1", "L", "P", "RGB", "RGBA"),
    "WEBP": ("L", "RGB", "RGBA"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"),
    "BMP": ("1", "L", "P", "RGB", "RGBA"),
}
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "PNG": [{}, {"optimize": True}, {"exif": images.notes(3)}, {"compress_level": 0}],
    "JPEG": [
        {"quality": 20},
        {"progressive": True, "icc_profile": images.profile()},
        {"optimize": True, "comment": b"\xff\xd9 <html>"},
        {"exif": images.notes(6), "restart_marker_rows": 1},
    ],
    "GIF": [{}, {"interlace": 0}, {"comment": b"; <?php"}],
    "WEBP": [{}, {"lossless": True}, {"exif": images.notes(6), "icc_profile": images.profile()}],
    "TIFF": [{}, {"compression": "tiff_deflate"}, {"compression": "packbits"}, {"big_tiff": True}],
    "BMP": [{}],
}
ARCHIVE = samples.archive({"shell.php": b"<?php system($_GET[0]);"})
MANY_FRAMES = ("PNG", "GIF", "WEBP", "TIFF")


def refusal_of(kind: str, content: bytes) -> str | None:
    """The code its gate refuses the file with; None when it is accepted."""
    try:
        GATES[kind](io.BytesIO(content), len(content))
    except ServiceError as error:
        return error.code
    return None


@st.composite
def written_images(draw: st.DrawFn, kind: str = "") -> tuple[str, bytes, tuple[int, int], int]:
    """Any picture Pillow writes: its kind, bytes, size and number of frames."""
    kind = kind or draw(st.sampled_from(sorted(GATES)))
    size = draw(st.integers(1, 60)), draw(st.integers(1, 60))
    frames = draw(st.integers(1, 4)) if kind in MANY_FRAMES else 1
    if frames > 1:
        return kind, images.moving(kind, frames, size), size, frames
    mode = draw(st.sampled_from(MODES[kind]))
    options = draw(st.sampled_from(OPTIONS[kind]))
    return kind, images.picture(kind, mode, size, **options), size, 1
