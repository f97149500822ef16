"""What holds for every image gate: programs' files pass, and no bytes at all break it."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security import image_limits
from security.structure import INSPECTORS
from security.structure.bmp import inspect_bmp
from tests.files import images
from tests.security.structure.image_gates import GATES, MODES, refusal_of, written_images

REFUSALS = {None, "corrupt_content", "ambiguous_content", "image_limits_exceeded"}
Written = tuple[str, bytes, tuple[int, int], int]


@pytest.mark.property
@given(written=written_images())
def test_every_image_pillow_writes_is_accepted(written: Written) -> None:
    kind, content, _, _ = written

    assert refusal_of(kind, content) is None


@pytest.mark.property
@given(written=written_images(), data=st.data())
def test_the_gate_sees_the_size_of_an_image(written: Written, data: st.DataObject) -> None:
    kind, content, size, frames = written
    allowed = size[0] * size[1] - data.draw(st.integers(0, 1))

    with pytest.MonkeyPatch.context() as patch:
        for name in ("MAX_PIXELS", "MAX_CANVAS_PIXELS"):
            patch.setattr(f"security.structure.{kind.lower()}.{name}", allowed, raising=False)
        patch.setattr(image_limits.check_pixels, "__defaults__", (1, allowed))
        refused = refusal_of(kind, content)

    assert refused == (None if allowed == size[0] * size[1] else "image_limits_exceeded")


@pytest.mark.property
@given(
    kind=st.sampled_from(sorted(GATES)),
    start=st.sampled_from(
        [
            b"",
            b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR",
            b"\xff\xd8\xff",
            b"GIF89a",
            b"RIFF",
            b"II*\0",
            b"BM",
        ]
    ),
    rest=st.binary(max_size=400),
)
def test_any_bytes_are_accepted_or_refused(kind: str, start: bytes, rest: bytes) -> None:
    assert refusal_of(kind, start + rest) in REFUSALS


@pytest.mark.property
@given(
    written=written_images(),
    changes=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=8),
)
def test_a_damaged_image_is_accepted_or_refused(
    written: Written, changes: list[tuple[int, int]]
) -> None:
    content = bytearray(written[1])
    for place, byte in changes:
        content[place % len(content)] = byte

    assert refusal_of(written[0], bytes(content)) in REFUSALS


@pytest.mark.property
@given(written=written_images(), cut=st.integers(1, 5000))
def test_an_image_that_is_cut_short_is_refused_as_corrupt_or_accepted(
    written: Written, cut: int
) -> None:
    kind, content, _, _ = written

    refused = refusal_of(kind, content[: -min(cut, len(content))])

    # A TIFF has no end, and a BMP may lack the padding of its last row.
    assert refused == "corrupt_content" or (kind in ("TIFF", "BMP") and refused is None)


@pytest.mark.property
@given(
    kind=st.sampled_from(["PNG", "GIF", "WEBP", "JPEG", "BMP"]),
    data=st.data(),
    tail=st.binary(min_size=1, max_size=60).filter(lambda tail: tail.strip(b"\0") != b""),
)
def test_whatever_follows_the_end_is_refused(kind: str, data: st.DataObject, tail: bytes) -> None:
    _, content, _, _ = data.draw(written_images(kind))

    assert refusal_of(kind, content + tail) in ("ambiguous_content", "corrupt_content")


@pytest.mark.parametrize("kind", sorted(GATES))
@pytest.mark.parametrize("zeros", [1, 5000])
def test_zeros_after_the_end_are_padding(kind: str, zeros: int) -> None:
    assert refusal_of(kind, images.picture(kind) + bytes(zeros)) is None


@pytest.mark.parametrize(("kind", "mode"), [(k, mode) for k in MODES for mode in MODES[k]])
def test_an_image_of_every_mode_is_accepted(kind: str, mode: str) -> None:
    assert refusal_of(kind, images.picture(kind, mode, (130, 90))) is None


@pytest.mark.parametrize("kind", sorted(GATES))
@pytest.mark.parametrize("other", sorted(GATES))
def test_an_image_of_another_kind_is_corrupt(kind: str, other: str) -> None:
    assert refusal_of(kind, images.picture(other)) == (None if kind == other else "corrupt_content")


def test_the_table_has_a_gate_for_every_image_type() -> None:
    for kind, gate in GATES.items():
        assert INSPECTORS[f"image/{kind.lower()}"] is gate


def test_a_gate_does_not_care_where_the_source_stands() -> None:
    content = images.picture("BMP")
    source = io.BytesIO(content)
    source.seek(7)

    inspect_bmp(source, len(content))
