"""JPEG: segments and scans to the end marker, and what cameras may put behind it."""

from __future__ import annotations

import struct

import pytest

from security.structure import jpeg as gate
from tests.files import images
from tests.files.images import jpeg_header, jpeg_segment, samsung_trailer
from tests.security.structure.image_gates import ARCHIVE, refusal_of
from tests.security.structure.variations import find_changes, samples_of

PHOTO = images.picture("JPEG", exif=images.notes(6))
NOTE = (0x0A01, b"Image_UTC_Data", b"1700000000000")
FILM = b"\0\0\0\x18ftypmp42" + bytes(200)
START, END = b"\xff\xd8", b"\xff\xd9"


def with_segments(*segments: bytes) -> bytes:
    """The photo, with these segments behind its start."""
    return START + b"".join(segments) + PHOTO[2:]


@pytest.mark.parametrize(
    "content",
    [
        images.picture("JPEG", "CMYK", progressive=True, icc_profile=images.profile()),
        images.picture("JPEG", size=(300, 200), restart_marker_blocks=1),
        images.picture("JPEG", size=(600, 400), progressive=True, quality=95),
        jpeg_header(8, 8, scans=500),
        with_segments(jpeg_segment(0xFE, b"<?php ?>\xff\xd9\xff\xd8")),
        with_segments(b"\xff\xff\xff" + jpeg_segment(0xE1, b"filled")),
        PHOTO[:-2] + b"\xff\xff" + END,
    ],
    ids=["cmyk", "restarts", "progressive", "scans", "comment", "fill", "fill at the end"],
)
def test_unusual_but_whole_files_pass(content: bytes) -> None:
    assert refusal_of("JPEG", content) is None


@pytest.mark.parametrize(
    "behind",
    [
        PHOTO,
        bytes(100) + PHOTO + bytes(3) + PHOTO,
        samsung_trailer(NOTE, (0x0A02, b"Other", b"")),
        PHOTO + bytes(8) + samsung_trailer(NOTE),
        samsung_trailer(),
    ],
    ids=["gain map", "several", "samsung", "all", "empty directory"],
)
def test_what_cameras_put_behind_the_picture_passes(behind: bytes) -> None:
    assert refusal_of("JPEG", PHOTO + behind) is None


@pytest.mark.parametrize("count", [2, 4])
def test_further_pictures_with_an_index_pass(count: int) -> None:
    assert refusal_of("JPEG", images.further_pictures(count)) is None


@pytest.mark.parametrize(
    "behind",
    [
        ARCHIVE,
        b"<?php system($_GET[0]); ?>",
        b"<html><script>",
        FILM,
        PHOTO + FILM,
        samsung_trailer((0x0A30, b"MotionPhoto_Data", FILM), NOTE),
        b"x" + samsung_trailer(NOTE),
        samsung_trailer(NOTE) + b"x",
        samsung_trailer(NOTE)[:-4] + b"SEFX",
        b"SEFT",
        b"\n",
    ],
    ids=[
        *("zip", "php", "html", "motion photo", "film behind a gain map", "film in a trailer"),
        *("gap", "behind the trailer", "no trailer", "no directory", "line feed"),
    ],
)
def test_anything_else_behind_the_picture_is_ambiguous(behind: bytes) -> None:
    assert refusal_of("JPEG", PHOTO + behind) == "ambiguous_content"


# Of 74 bytes: the mark at the end, the directory's length, a note's length and place, the
# directory's name and count, the note's own type and the length of its name.
@pytest.mark.parametrize("place", [-1, -8, -12, -16, -32, -24, 2, 5])
def test_a_trailer_that_does_not_hold_together_is_ambiguous(place: int) -> None:
    trailer = bytearray(samsung_trailer(NOTE))
    trailer[place] ^= 0x55

    assert refusal_of("JPEG", PHOTO + trailer) == "ambiguous_content"


def test_a_trailer_with_a_note_too_short_to_be_one_is_ambiguous() -> None:
    directory = struct.pack("<4sIIHHII", b"SEFH", 106, 1, 0, 0x0A01, 4, 4)
    trailer = b"tiny" + directory + struct.pack("<I", len(directory)) + b"SEFT"

    assert refusal_of("JPEG", PHOTO + trailer) == "ambiguous_content"


@pytest.mark.parametrize(
    "content",
    [
        with_segments(jpeg_segment(0xFE, ARCHIVE)),
        with_segments(jpeg_segment(0xFE, b"%PDF-1.5")),
    ],
    ids=["zip", "pdf"],
)
def test_a_second_format_in_a_comment_is_ambiguous(content: bytes) -> None:
    assert refusal_of("JPEG", content) == "ambiguous_content"


@pytest.mark.parametrize(
    "content",
    [
        PHOTO[:-2],
        PHOTO[:-1],
        PHOTO[:200],
        START + END,
        START + jpeg_segment(0xC4, b"tables") + END,
        with_segments(b"\xff\xe1\0\x01"),
        with_segments(b"\xff\0"),
        with_segments(START),
        with_segments(b"stray"),
        with_segments(jpeg_segment(0xDA, b"")),
        with_segments(jpeg_header(3, 3)[2:22]),
        PHOTO + START + b"\xff",
        jpeg_header(0, 8),
        jpeg_header(8, 0),
        jpeg_header(8, 8, scans=501),
    ],
    ids=[
        *("no end", "half an end", "cut", "empty", "tables only", "no length", "stuffing", "start"),
        *("stray", "scan first", "two frames", "half a picture behind", "width", "height", "scans"),
    ],
)
def test_a_file_that_is_not_whole_is_corrupt(content: bytes) -> None:
    assert refusal_of("JPEG", content) == "corrupt_content"


@pytest.mark.parametrize(
    ("size", "code"),
    [((10_000, 10_000), None), ((10_000, 10_001), "image_limits_exceeded")],
)
def test_pixels_are_counted_in_every_picture(size: tuple[int, int], code: str | None) -> None:
    assert refusal_of("JPEG", jpeg_header(*size)) == code
    assert refusal_of("JPEG", PHOTO + jpeg_header(*size)) == code


def test_the_walk_ends_after_so_many_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "MAX_SEGMENTS", 40)

    assert refusal_of("JPEG", with_segments(*[jpeg_segment(0xFE, b"")] * 20)) is None
    assert refusal_of("JPEG", with_segments(*[jpeg_segment(0xFE, b"")] * 40)) == "corrupt_content"
    assert refusal_of("JPEG", with_segments(b"\xff" * 50)) == "corrupt_content"


def test_only_so_many_pictures_may_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "MAX_FRAMES", 3)

    assert refusal_of("JPEG", PHOTO * 3) is None
    assert refusal_of("JPEG", PHOTO * 4) == "image_limits_exceeded"


@pytest.mark.parametrize("before", [0, 1, 8190, 8191, 8192, 270_000, 270_335, 270_336])
def test_a_marker_is_found_wherever_a_step_of_reading_ends(before: int) -> None:
    pixels = (b"\x12\xff\x00\xff\xd3" * (before // 5 + 1))[:before].rstrip(b"\xff")
    content = jpeg_header(8, 8)[:-2] + pixels + bytes(before - len(pixels)) + END

    assert refusal_of("JPEG", content) is None
    assert refusal_of("JPEG", content + b"x") == "ambiguous_content"


@pytest.mark.parametrize(("scans", "code"), [(20, None), (21, "image_limits_exceeded")])
def test_a_large_picture_has_few_scans(scans: int, code: str | None) -> None:
    assert refusal_of("JPEG", jpeg_header(10_000, 10_000, scans=scans)) == code


@samples_of("image/jpeg")
def test_no_variation_of_a_file_is_judged_otherwise_unnoticed(name: str) -> None:
    assert find_changes(name) == []
