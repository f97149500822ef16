"""Images in a process of its own: nothing opened or imported, and 1 GiB is enough for all."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.files import images
from tests.security.structure.image_gates import MODES, OPTIONS

SIDE = 10_000  # squared: the greatest number of pixels
SAMPLES = {
    kind.lower(): [
        *(images.picture(kind, mode, (700, 20)) for mode in MODES[kind]),
        *(images.picture(kind, **options) for options in OPTIONS[kind]),
        images.picture(kind)[:60],
        b"",
    ]
    for kind in MODES
}
MOVING = {kind: images.moving(kind.upper(), 3) for kind in ("png", "gif", "webp", "tiff")}


def describe_alone(kind: str, *paths: Path) -> dict[str, Any]:
    """What a process of its own with 1 GiB of addresses tells of these files."""
    module = "tests.filesvc.processors.describe_alone"
    ran = subprocess.run(
        [sys.executable, "-m", module, kind, *map(str, paths)],
        capture_output=True,
        check=True,
        timeout=120,
    )
    told: dict[str, Any] = json.loads(ran.stdout)
    return told


def large_png(path: Path, channels: int, colour: int, depth: int = 8) -> None:
    """100 megapixels in some hundred kilobytes."""
    packer = zlib.compressobj(1)
    row = bytes(1 + SIDE * channels * depth // 8)
    pixels = b"".join(packer.compress(row) for _ in range(SIDE)) + packer.flush()
    palette = images.png_chunk(b"PLTE", bytes(range(0, 240, 80))) if colour == 3 else b""
    content = images.png_chunk(b"IDAT", pixels) + images.PNG_END
    path.write_bytes(images.png(palette + content, size=(SIDE, SIDE), depth=depth, colour=colour))


@pytest.mark.parametrize("kind", SAMPLES)
def test_nothing_is_opened_or_imported_on_the_way(tmp_path: Path, kind: str) -> None:
    contents = SAMPLES[kind] + ([MOVING[kind]] if kind in MOVING else [])
    paths = [tmp_path / str(number) for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)

    ran = describe_alone(kind, *paths)

    assert ran["acts"] == []
    refused = [told for told in ran["told"] if isinstance(told, str)]
    assert refused == ["corrupt_content"] * 2


@pytest.mark.parametrize(
    ("channels", "colour", "depth", "mode"),
    [(4, 6, 8, "RGBA"), (1, 3, 8, "P"), (1, 0, 16, "I;16")],
    ids=["true colours", "palette", "16 bits"],
)
def test_a_png_of_the_most_pixels_is_read_in_1_gib(
    tmp_path: Path, channels: int, colour: int, depth: int, mode: str
) -> None:
    large_png(tmp_path / "large", channels, colour, depth)

    (told,) = describe_alone("png", tmp_path / "large")["told"]

    assert (told["width"], told["height"], told["mode"]) == (SIDE, SIDE, mode)


def test_a_progressive_jpeg_of_the_most_pixels_is_read_in_1_gib(tmp_path: Path) -> None:
    picture = Image.new("RGB", (SIDE, SIDE), (9, 99, 199))
    picture.save(tmp_path / "large", "JPEG", progressive=True, subsampling=0, quality=10)
    del picture

    (told,) = describe_alone("jpeg", tmp_path / "large")["told"]

    assert (told["width"], told["height"], told["mode"]) == (SIDE, SIDE, "RGB")


def test_the_processor_knows_no_django() -> None:
    program = "import filesvc.processors.images, sys; sys.exit('django' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
