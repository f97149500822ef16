"""JPEG: up to each limit a picture passes, one more not; and what each mark stands for."""

from __future__ import annotations

import io
import struct

import pytest

from errors import catalogue
from security.structure import jpeg as gate
from tests.files.images import jpeg_header, jpeg_segment
from tests.security.structure.image_gates import refusal_of

# Of three segments: the frame, one scan and the end.
PICTURE = jpeg_header(8, 8)
START, FRAME = PICTURE[:2], PICTURE[2:15]
NOTHING = jpeg_segment(0xFE, b"")


def begun_with(begin: bytes) -> bytes:
    """The picture, with this between its start and its frame."""
    return START + begin + PICTURE[2:]


@pytest.mark.parametrize(
    "piece", [NOTHING, b"\xff", PICTURE[15:-2]], ids=["segments", "fill bytes", "scans"]
)
def test_segments_and_fill_bytes_are_counted_to_the_last(
    monkeypatch: pytest.MonkeyPatch, piece: bytes
) -> None:
    monkeypatch.setattr(gate, "MAX_SEGMENTS", 10)
    place = 15 if piece.startswith(b"\xff\xda") else 2

    for count, code in ((7, None), (8, "corrupt_content")):
        content = PICTURE[:place] + piece * count + PICTURE[place:]
        assert refusal_of("JPEG", content) == code


def test_fill_bytes_are_read_no_further_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "MAX_SEGMENTS", 300)

    for segments, read_bytes in ((299, 3), (300, 2)):
        content = START + NOTHING * segments + b"\xff" * 1000
        source = io.BytesIO(content)
        with pytest.raises(catalogue.CorruptContent):
            gate.inspect_jpeg(source, len(content))
        assert source.tell() == len(START + NOTHING * segments) + read_bytes


def test_pixels_of_all_scans_are_counted_to_the_last() -> None:
    most = jpeg_header(10_000, 10_000, scans=20)

    assert refusal_of("JPEG", most) is None
    assert refusal_of("JPEG", most + jpeg_header(1, 1)) == "image_limits_exceeded"


@pytest.mark.parametrize("kind", range(0xC0, 0xD0))
def test_a_frame_is_of_thirteen_kinds(kind: int) -> None:
    content = PICTURE.replace(b"\xff\xc0", bytes((0xFF, kind)))

    assert (refusal_of("JPEG", content) is None) == (kind not in (0xC4, 0xC8, 0xCC))


@pytest.mark.parametrize("components", [1, 82, 83, 255])
def test_a_frame_has_as_many_components_as_it_says(components: int) -> None:
    head = struct.pack(">BHHB", 8, 8, 8, components)

    for told, code in ((components, None), (components - 1, "corrupt_content")):
        frame = jpeg_segment(0xC0, head + b"\x01\x11\0" * told)
        assert refusal_of("JPEG", PICTURE.replace(FRAME, frame)) == code


def test_a_start_within_a_picture_is_corrupt_whatever_its_length() -> None:
    assert refusal_of("JPEG", begun_with(jpeg_segment(0xD7, b""))) is None
    assert refusal_of("JPEG", begun_with(jpeg_segment(0xD8, b""))) == "corrupt_content"


@pytest.mark.parametrize("mark", [0xD7, 0xD9])
def test_what_follows_a_picture_begins_as_one(mark: int) -> None:
    assert refusal_of("JPEG", PICTURE * 2) is None
    following = bytes((0xFF, mark)) + PICTURE[2:]

    assert refusal_of("JPEG", PICTURE + following) == "ambiguous_content"
