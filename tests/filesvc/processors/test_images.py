"""What is told of an image, and that a damaged one is refused and never a crash."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from errors import catalogue
from filesvc.processors import images
from filesvc.processors.images import FORMATS, describe_image
from tests import samples
from tests.filesvc.conftest import new_row

PIXELS = st.integers(min_value=1, max_value=40)


def describe(content: bytes) -> dict[str, object]:
    return describe_image(new_row(content), io.BytesIO(content))


def frames(kind: str, count: int) -> bytes:
    """A moving picture of that many frames."""
    target = io.BytesIO()
    first, *others = [Image.new("RGB", (6, 5), (place * 50, 0, 200)) for place in range(count)]
    first.save(target, kind, save_all=True, append_images=others)
    return target.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that says how large it is and ends there."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT" + bytes(4)


@pytest.mark.property
@given(kind=st.sampled_from(FORMATS), width=PIXELS, height=PIXELS)
def test_size_and_format_of_any_image_are_told(kind: str, width: int, height: int) -> None:
    told = describe(samples.image(kind, (width, height)))

    assert told == told | {
        "kind": "image",
        "width": width,
        "height": height,
        "format": kind,
        "frames": 1,
    }
    assert list(told) == ["kind", "width", "height", "format", "mode", "frames"]


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "1", "P"])
def test_the_colour_mode_is_told(mode: str) -> None:
    target = io.BytesIO()
    Image.new(mode, (4, 4)).save(target, "PNG")

    assert describe(target.getvalue())["mode"] == mode


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF", "PNG"])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_frames_of_a_moving_picture_are_counted(kind: str, count: int) -> None:
    assert describe(frames(kind, count))["frames"] == count


@pytest.mark.filterwarnings("ignore")  # Pillow warns of some damage before it gives up
@pytest.mark.property
@given(
    kind=st.sampled_from(FORMATS),
    damage=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 10_000),
)
def test_a_damaged_image_is_told_or_refused_as_corrupt(
    kind: str, damage: list[tuple[int, int]], cut: int
) -> None:
    content = bytearray(samples.image(kind, (16, 16)))
    for place, byte in damage:
        content[place % len(content)] = byte
    if cut < len(content):
        del content[cut:]

    with contextlib.suppress(catalogue.CorruptContent):
        assert describe(bytes(content))["format"] in FORMATS


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("kind", "place", "byte"),
    [("TIFF", 8, 7), ("TIFF", 12, 1), ("GIF", 67, 33), ("GIF", 67, 44), ("PNG", 36, 0)],
)
def test_damage_that_trips_pillow_itself_is_corrupt_content_too(
    kind: str, place: int, byte: int
) -> None:
    content = bytearray(samples.image(kind, (16, 16)))
    content[place] = byte

    with pytest.raises(catalogue.CorruptContent):
        describe(bytes(content))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", FORMATS)
def test_an_image_that_ends_too_early_is_corrupt(kind: str) -> None:
    with pytest.raises(catalogue.CorruptContent):
        describe(samples.image(kind, (64, 64))[:40])


@pytest.mark.parametrize("content", [b"hello", b"\0" * 100, samples.pdf(), b"%!PS-Adobe-3.0 EPSF"])
def test_what_is_no_image_of_the_policy_is_corrupt(content: bytes) -> None:
    with pytest.raises(catalogue.CorruptContent):
        describe(content)


@pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (10_000, 9_500), (2**31 - 1, 1)])
def test_an_image_that_unpacks_to_too_much_is_refused_by_its_header(
    width: int, height: int
) -> None:
    with pytest.raises(catalogue.CorruptContent):
        describe(png_header(width, height))


def test_an_image_of_the_greatest_size_is_told_and_one_pixel_more_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(images, "MAX_PIXELS", 12)

    assert describe(samples.image("PNG", (4, 3)))["width"] == 4
    with pytest.raises(catalogue.CorruptContent) as raised:
        describe(samples.image("PNG", (13, 1)))
    assert raised.value.note == "too many pixels"
