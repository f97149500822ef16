"""What is told of an image, and that a damaged one is refused and never a crash."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import catalogue
from filesvc.processors.images import OPENERS
from tests import samples
from tests.files import images
from tests.files.images import PNG_END, animation_control, frame_control, png, png_chunk, png_pixels
from tests.filesvc.processors.describing_images import describe, told
from tests.security.structure.image_gates import MODES, OPTIONS, refusal_of, written_images

KINDS = sorted(MODES)


@pytest.mark.property
@given(written=written_images())
def test_size_format_and_frames_of_any_image_are_told(
    written: tuple[str, bytes, tuple[int, int], int],
) -> None:
    kind, content, size, frames = written

    found = told(content, kind)

    assert (found.width, found.height) == size
    assert (found.format, found.frames) == (kind, frames)


@pytest.mark.parametrize(("kind", "mode"), [(k, mode) for k in MODES for mode in MODES[k]])
def test_an_image_of_every_mode_has_a_preview(kind: str, mode: str) -> None:
    assert describe(images.picture(kind, mode), kind).preview


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_the_colour_mode_is_told(mode: str) -> None:
    assert told(images.picture("PNG", mode), "PNG").mode == mode


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_the_colour_mode_and_size_of_a_large_jpeg_are_those_before_it_is_reduced(mode: str) -> None:
    found = told(images.picture("JPEG", mode, (3000, 2100)), "JPEG")

    assert (found.mode, found.width, found.height) == (mode, 3000, 2100)


def test_pictures_behind_a_jpeg_are_not_frames_of_it() -> None:
    found = told(images.further_pictures(3), "JPEG")

    assert (found.format, found.frames) == ("JPEG", 1)


@pytest.mark.property
@given(
    kind=st.sampled_from(KINDS),
    data=st.data(),
    changes=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=8),
    cut=st.integers(0, 3000),
)
def test_a_damaged_image_is_told_or_refused(
    kind: str, data: st.DataObject, changes: list[tuple[int, int]], cut: int
) -> None:
    content = bytearray(data.draw(written_images(kind))[1])
    for place, byte in changes:
        content[place % len(content)] = byte

    with contextlib.suppress(catalogue.CorruptContent, catalogue.ImageLimitsExceeded):
        assert told(bytes(content[: cut or None]), kind).format == kind


@pytest.mark.property
@given(kind=st.sampled_from(KINDS), content=st.binary(max_size=300))
def test_any_bytes_are_told_or_refused(kind: str, content: bytes) -> None:
    with pytest.raises((catalogue.CorruptContent, catalogue.ImageLimitsExceeded)):
        describe(content, kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(30, 20), (2100, 1500)], ids=["small", "large"])
def test_an_image_whose_pixels_are_cut_short_is_corrupt(kind: str, size: tuple[int, int]) -> None:
    content = images.picture(kind, size=size)

    with pytest.raises(catalogue.CorruptContent):
        describe(content[: len(content) * 2 // 3], kind)


@pytest.mark.parametrize("other", KINDS)
@pytest.mark.parametrize("kind", KINDS)
def test_an_image_is_read_as_its_type_and_no_other(kind: str, other: str) -> None:
    if kind == other:
        assert told(images.picture(kind), kind).format == kind
    else:
        with pytest.raises(catalogue.CorruptContent):
            describe(images.picture(other), kind)


@pytest.mark.parametrize("content", [b"hello", bytes(100), samples.pdf(), b"%!PS-Adobe-3.0 EPSF"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_image_is_corrupt(content: bytes, kind: str) -> None:
    with pytest.raises(catalogue.CorruptContent):
        describe(content, kind)


def broken_apng() -> bytes:
    """Its second frame is no compressed data."""
    frames = [animation_control(2), frame_control(), png_pixels(), frame_control(number=1)]
    return png(*frames, png_chunk(b"fdAT", b"\0\0\0\x02not pixels"), PNG_END)


def broken_gif() -> bytes:
    """Its second frame has pixels for one row of many."""
    first = images.moving("GIF", 1, (40, 40))[:-1]
    return first + images.gif_frame((40, 40)) + b";"


def broken_tiff() -> bytes:
    """Its second page points at pixels that are not there."""
    page = {256: 4, 257: 3, 258: 8, 262: 1, 273: 8}
    return images.tiff(page, page | {273: 5000})


@pytest.mark.parametrize(
    ("kind", "content"), [("PNG", broken_apng()), ("GIF", broken_gif()), ("TIFF", broken_tiff())]
)
def test_a_broken_later_frame_is_corrupt(kind: str, content: bytes) -> None:
    with pytest.raises(catalogue.CorruptContent):
        describe(content, kind)


def test_a_broken_later_frame_of_a_webp_is_corrupt() -> None:
    content = bytearray(images.moving("WEBP", 3, (60, 60)))
    last = content.rindex(b"ANMF")
    content[last + 40 : last + 60] = b"\xff" * 20

    with pytest.raises(catalogue.CorruptContent):
        describe(bytes(content), "WEBP")


def test_missing_frames_of_an_apng_are_corrupt() -> None:
    content = png(animation_control(3), frame_control(), png_pixels(), PNG_END)

    with pytest.raises(catalogue.CorruptContent):
        describe(content, "PNG")


def test_every_frame_is_reported() -> None:
    heard: list[tuple[str, int]] = []

    describe(images.moving("GIF", 4), "GIF", lambda stage, percent: heard.append((stage, percent)))

    assert heard == [("frames", 25), ("frames", 50), ("frames", 75)]


def test_the_same_image_is_always_told_the_same() -> None:
    content = images.moving("GIF", 3)

    assert describe(content, "GIF") == describe(content, "GIF")


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_gate_accepts_of_pillow_the_processor_reads(kind: str) -> None:
    for options in OPTIONS[kind]:
        content = images.picture(kind, **options)
        assert refusal_of(kind, content) is None
        assert told(content, kind).frames == 1


def test_there_is_a_reader_for_every_image_type() -> None:
    assert sorted(OPENERS) == sorted(f"image/{kind.lower()}" for kind in KINDS)
