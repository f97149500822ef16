"""TIFF: the chain of pages, the places of their pixels, and that nothing points elsewhere."""

from __future__ import annotations

import struct

import pytest

from security import image_limits
from security.structure import tiff as gate
from tests.files import images
from tests.files.images import tiff
from tests.security.structure.image_gates import ARCHIVE, refusal_of
from tests.security.structure.variations import find_changes, samples_of

WIDTH, HEIGHT, COMPRESSION, STRIPS, LENGTHS = 256, 257, 259, 273, 279
PAGE = {WIDTH: 4, HEIGHT: 3, STRIPS: 8, LENGTHS: 12}
TILED = {WIDTH: 4, HEIGHT: 3, 322: 16, 323: 16, 324: 8, 325: 12}
LZW = PAGE | {COMPRESSION: 5}


def page(**changes: int) -> dict[int, int]:
    names = {"width": WIDTH, "height": HEIGHT, "strips": STRIPS, "lengths": LENGTHS}
    return LZW | {names[name]: value for name, value in changes.items()}


def big_tiff(*entries: tuple[int, int, int, bytes]) -> bytes:
    """One page, 64-bit."""
    tags = b"".join(struct.pack("<HHQ8s", *entry) for entry in entries)
    return b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, len(entries)) + tags + bytes(40)


@pytest.mark.parametrize(
    "content",
    [
        *(images.picture("TIFF", compression=name) for name in ("tiff_lzw", "jpeg", "packbits")),
        images.picture("TIFF", "1", (200, 100), compression="group4"),
        images.picture("TIFF", size=(90, 4000), compression="tiff_deflate"),
        images.picture("TIFF", big_tiff=True, exif=images.notes(6)),
        images.moving("TIFF", 4),
        tiff(PAGE),
        tiff(PAGE, PAGE, order=">"),
        tiff(TILED),
        tiff(PAGE | {LENGTHS: 99_999}),
        tiff(LZW | {STRIPS: 0, LENGTHS: 0}),
        tiff({tag: value for tag, value in LZW.items() if tag != LENGTHS}),
        tiff(PAGE, tail=b"<?php ?>" * 20),
    ],
    ids=[
        *("lzw", "jpeg", "packbits", "fax", "strips", "64-bit", "pages", "by hand", "big-endian"),
        *("tiled", "plain pixels with a wrong length", "sparse", "no lengths", "bytes anywhere"),
    ],
)
def test_unusual_but_whole_files_pass(content: bytes) -> None:
    assert refusal_of("TIFF", content) is None


@pytest.mark.parametrize(
    "content",
    [
        b"II*\0",
        b"II*\0\0\0\0\0",
        b"II*\0\xff\0\0\0",
        b"IM*\0\x08\0\0\0" + bytes(20),
        b"II,\0\x08\0\0\0" + bytes(20),
        b"II+\0\x04\0\0\0" + bytes(40),
        b"II*\0\x08\0\0\0\0\0" + bytes(20),
        tiff(PAGE)[:30],
        tiff(page(width=0)),
        tiff(page(height=0)),
        tiff({WIDTH: 4, STRIPS: 8}),
        tiff({WIDTH: 4, HEIGHT: 3}),
        tiff(page(strips=5000)),
        tiff(page(lengths=5000)),
        tiff(TILED | {COMPRESSION: 5, 325: 5000}),
        big_tiff((WIDTH, 5, 1, bytes(8))),
        big_tiff((WIDTH, 4, 0, bytes(8))),
        big_tiff((WIDTH, 16, 9, b"\xff" * 8)),
    ],
    ids=[
        *("header", "no page", "points behind", "order", "version", "big header", "no tags"),
        *("cut", "width", "height", "no height", "no pixels", "strip behind", "strip cut"),
        *("tile cut", "no number", "no numbers", "numbers behind"),
    ],
)
def test_a_file_that_is_not_whole_is_corrupt(content: bytes) -> None:
    assert refusal_of("TIFF", content) == "corrupt_content"


def test_pages_in_a_circle_are_corrupt() -> None:
    content = bytearray(tiff(PAGE, PAGE, tail=b""))
    content[-4:] = struct.pack("<I", 8)

    assert refusal_of("TIFF", bytes(content)) == "corrupt_content"


@pytest.mark.parametrize("tail", [ARCHIVE, b"%PDF-1.7 " + bytes(900)], ids=["zip", "pdf"])
def test_a_second_format_is_ambiguous(tail: bytes) -> None:
    assert refusal_of("TIFF", tiff(PAGE, tail=tail)) == "ambiguous_content"


@pytest.mark.parametrize(
    ("pages", "code"),
    [
        ([page(width=10_000, height=10_000)], None),
        ([page(width=10_000, height=10_001)], "image_limits_exceeded"),
        ([page(width=2**32 - 1, height=2**32 - 1)], "image_limits_exceeded"),
        ([page(width=10_000, height=10_000)] * 10, None),
        ([page(width=10_000, height=10_000)] * 10 + [PAGE], "image_limits_exceeded"),
        ([PAGE] * image_limits.MAX_FRAMES, None),
        ([PAGE] * (image_limits.MAX_FRAMES + 1), "image_limits_exceeded"),
    ],
    ids=["most", "a row more", "2^64", "ten large", "and a small", "1000 pages", "1001 pages"],
)
def test_pixels_and_pages_are_counted(pages: list[dict[int, int]], code: str | None) -> None:
    assert refusal_of("TIFF", tiff(*pages)) == code


@pytest.mark.parametrize(
    ("name", "most"), [("MAX_ENTRIES", 3), ("MAX_ENTRIES_OF_ALL_PAGES", 7), ("MAX_STRIPS", 1)]
)
def test_the_walk_has_an_end(monkeypatch: pytest.MonkeyPatch, name: str, most: int) -> None:
    content = tiff(PAGE, PAGE)
    assert refusal_of("TIFF", content) is None

    monkeypatch.setattr(gate, name, most)

    assert refusal_of("TIFF", content) == "corrupt_content"


@pytest.mark.parametrize("step", [1, 7, 40, 41])
def test_every_strip_is_looked_at_whatever_the_step(
    monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    monkeypatch.setattr(gate, "STEP_NUMBERS", step)
    content = images.picture("TIFF", size=(5, 41), compression="packbits", strip_size=8)

    assert refusal_of("TIFF", content) is None
    assert refusal_of("TIFF", content.replace(b"II*\0", b"MM\0*")) == "corrupt_content"


@samples_of("image/tiff")
def test_no_variation_of_a_file_is_judged_otherwise_unnoticed(name: str) -> None:
    assert find_changes(name) == []
