"""What a picture notes of itself: told when it can be read, and never a reason to refuse it."""

from __future__ import annotations

import contextlib
import datetime
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import catalogue
from filesvc.metadata import ImageMetadata
from tests.files import images
from tests.filesvc.processors.describing_images import told

# The kinds Pillow writes EXIF into.
NOTING = ["JPEG", "PNG", "WEBP", "TIFF"]
ZONES = st.builds("{}{:02}:{:02}".format, st.sampled_from("+-"), st.integers(0, 14), st.just(30))


def noting(kind: str = "JPEG", **noted: Any) -> ImageMetadata:
    return told(images.picture(kind, exif=images.notes(**noted)), kind)


@pytest.mark.parametrize("kind", NOTING)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_is_told_and_the_size_is_the_one_before_turning(
    kind: str, orientation: int
) -> None:
    found = noting(kind, orientation=orientation)

    assert (found.orientation, found.width, found.height) == (orientation, 24, 18)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_not_told(orientation: int) -> None:
    assert noting(orientation=orientation).orientation is None


@pytest.mark.property
@given(taken=st.datetimes(datetime.datetime(1000, 1, 1)), zone=st.none() | ZONES)  # noqa: DTZ001
def test_any_capture_time_is_told_with_its_zone(taken: datetime.datetime, zone: str | None) -> None:
    found = noting(taken=f"{taken:%Y:%m:%d %H:%M:%S}", zone=zone)

    assert found.captured_at is not None
    told_time = datetime.datetime.fromisoformat(found.captured_at)
    assert told_time.replace(tzinfo=None) == taken.replace(microsecond=0)
    assert found.captured_at.endswith(zone or f"{taken:%S}")


@pytest.mark.parametrize("kind", NOTING)
def test_the_capture_time_is_told_of_every_kind(kind: str) -> None:
    found = noting(kind, taken="2024:02:29 23:59:58", zone="-03:30")

    assert found.captured_at == "2024-02-29T23:59:58-03:30"


@pytest.mark.parametrize(
    "taken", ["0000:00:00 00:00:00", "2023:02:29 10:00:00", "    :  :     :  :  ", "today", ""]
)
def test_a_capture_time_that_is_none_is_not_told(taken: str) -> None:
    assert noting(taken=taken).captured_at is None


@pytest.mark.parametrize("zone", ["Z", "+25:00", "local", "   :  ", "+2:00"])
def test_a_zone_that_is_none_is_left_out(zone: str) -> None:
    assert noting(taken="2024:01:02 03:04:05", zone=zone).captured_at == "2024-01-02T03:04:05"


@pytest.mark.parametrize("kind", NOTING)
def test_a_place_is_told_as_there_and_not_copied(kind: str) -> None:
    found = noting(kind, place={1: "N", 2: (47.0, 22.0, 1.5), 3: "E", 4: (8.0, 32.0, 0.25)})

    assert found.has_location
    assert "47" not in found.model_dump_json().replace('"width":24', "")


@pytest.mark.parametrize("place", [None, {}, {0: b"\x02\x03\x00\x00"}])
def test_a_camera_without_a_receiver_knows_no_place(place: dict[int, object] | None) -> None:
    assert noting(place=place).has_location is False


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_a_place_in_xmp_is_seen_too(kind: str) -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/" exif:GPSLatitude="47,22N"/>'

    assert told(images.picture(kind, xmp=xmp), kind).has_location
    assert not told(images.picture(kind, xmp=xmp.replace(b"GPSL", b"Flas")), kind).has_location


def test_a_place_in_the_text_of_a_png_is_seen_too() -> None:
    text = b"XML:com.adobe.xmp\0\0\0\0\0<x exif:GPSLatitude='47,22N'/>"

    assert told(images.png_with(images.png_chunk(b"iTXt", text)), "PNG").has_location


@pytest.mark.parametrize("kind", NOTING)
def test_the_colour_profile_is_told_by_its_name(kind: str) -> None:
    content = images.picture(kind, icc_profile=images.profile())

    assert told(content, kind).colour_profile == "sRGB built-in"


@pytest.mark.parametrize("profile", [b"", b"no profile", images.profile()[:200]])
def test_a_damaged_colour_profile_is_not_told(profile: bytes) -> None:
    content = images.picture("JPEG", icc_profile=profile)

    assert told(content, "JPEG").colour_profile is None


def test_a_picture_without_notes_tells_none() -> None:
    found = told(images.picture("BMP"), "BMP")

    assert (found.orientation, found.captured_at, found.colour_profile) == (None, None, None)
    assert found.has_location is False


@pytest.mark.property
@given(
    kind=st.sampled_from(["JPEG", "PNG", "WEBP"]),
    exif=st.binary(max_size=80).map(lambda rest: b"Exif\0\0MM\0*\0\0\0\x08" + rest),
    profile=st.binary(min_size=1, max_size=200),
)
def test_damaged_notes_spoil_no_picture(kind: str, exif: bytes, profile: bytes) -> None:
    found = told(images.picture(kind, exif=exif, icc_profile=profile), kind)

    assert (found.width, found.height) == (24, 18)


@pytest.mark.property
@given(
    kind=st.sampled_from(NOTING),
    changes=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), min_size=1, max_size=9),
)
def test_changed_notes_are_told_or_left_out(kind: str, changes: list[tuple[int, int]]) -> None:
    exif = images.notes(6, "2024:01:02 03:04:05", "+01:00", {2: (1.0, 2.0, 3.0)})
    content = bytearray(images.picture(kind, exif=exif))
    start = max(0, content.find(b"MM\0*"))
    for place, byte in changes:
        content[min(start + place, len(content) - 1)] = byte

    with contextlib.suppress(catalogue.CorruptContent, catalogue.ImageLimitsExceeded):
        found = told(bytes(content), kind)
        assert found.orientation in (None, *range(1, 9))


def test_notes_that_lead_in_a_circle_come_to_an_end() -> None:
    entry = struct.pack(">HHII", 0x8769, 4, 1, 8)
    exif = b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">H", 1) + entry + struct.pack(">I", 8)

    assert told(images.picture("JPEG", exif=exif), "JPEG").captured_at is None
