"""TIFF: what a directory's numbers may be and where they lie; each limit to the last one."""

from __future__ import annotations

import io
import struct

import pytest

from errors import catalogue
from security.structure import tiff as gate
from tests.files.images import tiff
from tests.security.structure.image_gates import refusal_of

WIDTH, HEIGHT, COMPRESSION, STRIPS, LENGTHS = 256, 257, 259, 273, 279
BYTE, SHORT, LONG, IFD, LONG8, IFD8 = 1, 3, 4, 13, 16, 18
PAGE = {WIDTH: 4, HEIGHT: 3, STRIPS: 8, LENGTHS: 12}
LARGE = PAGE | {WIDTH: 10_000, HEIGHT: 10_000}
LZW = 5


def big_tiff(*entries: tuple[int, int, int, bytes], tail: bytes = b"") -> bytes:
    """One page of 64-bit places, of 4 x 3, packed, with these entries too."""
    size = [(tag, LONG, 1, number(value)) for tag, value in ((WIDTH, 4), (HEIGHT, 3))]
    told = [*size, (COMPRESSION, SHORT, 1, number(LZW)), *entries]
    tags = b"".join(struct.pack("<HHQ8s", *entry) for entry in told)
    return b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, len(told)) + tags + bytes(8) + tail


def number(value: int) -> bytes:
    return struct.pack("<Q", value)


def shorts(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}H", *values)


@pytest.mark.parametrize("kind", range(20))
def test_a_number_is_one_of_six_kinds(kind: int) -> None:
    content = big_tiff((STRIPS, kind, 1, number(8)))
    is_number = kind in (BYTE, SHORT, LONG, IFD, LONG8, IFD8)

    assert refusal_of("TIFF", content) == (None if is_number else "corrupt_content")


@pytest.mark.parametrize(
    ("name", "most"),
    [("MAX_ENTRIES", 4), ("MAX_ENTRIES_OF_ALL_PAGES", 8), ("MAX_STRIPS", 2), ("MAX_FRAMES", 2)],
)
def test_pages_are_as_full_as_the_limit(
    monkeypatch: pytest.MonkeyPatch, name: str, most: int
) -> None:
    monkeypatch.setattr(gate, name, most)
    assert refusal_of("TIFF", tiff(PAGE, PAGE)) is None

    monkeypatch.setattr(gate, name, most - 1)
    assert refusal_of("TIFF", tiff(PAGE, PAGE)) is not None


def test_pixels_of_all_pages_are_counted_to_the_last() -> None:
    dot = PAGE | {WIDTH: 1, HEIGHT: 1}

    assert refusal_of("TIFF", tiff(*[LARGE] * 10)) is None
    assert refusal_of("TIFF", tiff(*[LARGE] * 10, dot)) == "image_limits_exceeded"


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (b"II*\0\x08\0\0\0\0\0" + bytes(20), "TIFF directory of a strange length"),
        (tiff({WIDTH: 4}), "image without width or height"),
        (b"II*\0\x08\0\0\0", "TIFF points behind its end"),
        (b"II*\0\x07\0\0\0", "ends too early"),
    ],
)
def test_a_directory_that_is_none_is_named(content: bytes, note: str) -> None:
    with pytest.raises(catalogue.CorruptContent) as refusal:
        gate.inspect_tiff(io.BytesIO(content), len(content))

    assert refusal.value.note == note


def test_tiles_start_inside_the_file() -> None:
    tiled = {WIDTH: 4, HEIGHT: 3, COMPRESSION: LZW, 322: 16, 323: 16, 324: 8, 325: 12}

    assert refusal_of("TIFF", tiff(tiled)) is None
    assert refusal_of("TIFF", tiff(tiled | {324: 5000})) == "corrupt_content"


@pytest.mark.parametrize(("packing", "code"), [(0, "corrupt_content"), (1, None)])
def test_only_plain_pixels_may_have_a_wrong_length(packing: int, code: str | None) -> None:
    assert refusal_of("TIFF", tiff(PAGE | {COMPRESSION: packing, LENGTHS: 99_999})) == code


@pytest.mark.parametrize("length", [12, 5000])
def test_strips_may_be_more_than_their_lengths(
    monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    monkeypatch.setattr(gate, "STEP_NUMBERS", 1)
    strips = STRIPS, SHORT, 3, shorts(8, 8, 8)

    code = refusal_of("TIFF", big_tiff(strips, (LENGTHS, LONG, 1, number(length))))

    assert code == ("corrupt_content" if length > 1000 else None)


@pytest.mark.parametrize("wrong", range(5))
def test_every_number_is_read_from_its_own_place(
    monkeypatch: pytest.MonkeyPatch, wrong: int
) -> None:
    monkeypatch.setattr(gate, "STEP_NUMBERS", 1)
    places = [8] * 5
    for code in (None, "corrupt_content"):
        # They begin at a place whose second bit is set, as that of the next one is.
        content = big_tiff((STRIPS, SHORT, 5, number(114)), tail=bytes(2) + shorts(*places))
        assert content[114:] == shorts(*places)
        assert refusal_of("TIFF", content) == code
        places[wrong] = 9999
