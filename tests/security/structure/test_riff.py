"""RIFF: the length around it, and the row of chunks inside."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import catalogue
from security.structure import riff
from security.structure.riff import HEADER_BYTES, read_riff_end, walk_chunks
from tests.files.images import riff as made
from tests.files.images import riff_chunk

CHUNKS = st.lists(st.tuples(st.binary(min_size=4, max_size=4), st.binary(max_size=9)), max_size=6)


def walk(content: bytes, start: int = HEADER_BYTES) -> list[tuple[bytes, bytes]]:
    """Name and content of each chunk; the source is moved while they are walked."""
    source = io.BytesIO(content)
    found = []
    for chunk in walk_chunks(source, start, len(content)):
        source.seek(chunk.position)
        found.append((chunk.name, source.read(chunk.length)))
    return found


@pytest.mark.property
@given(chunks=CHUNKS)
def test_every_chunk_is_met_in_its_order(chunks: list[tuple[bytes, bytes]]) -> None:
    assert walk(made(*[riff_chunk(*chunk) for chunk in chunks])) == chunks


@pytest.mark.property
@given(chunks=CHUNKS, cut=st.integers(1, 20))
def test_a_container_that_is_cut_short_is_corrupt(
    chunks: list[tuple[bytes, bytes]], cut: int
) -> None:
    content = made(*[riff_chunk(*chunk) for chunk in chunks])[:-cut]

    with pytest.raises(catalogue.CorruptContent):
        read_riff_end(io.BytesIO(content), len(content), b"WEBP")


@pytest.mark.property
@given(content=st.binary(max_size=80))
def test_any_bytes_are_walked_or_refused(content: bytes) -> None:
    try:
        found = walk(content, 0)
    except catalogue.CorruptContent:
        return
    assert sum(8 + len(inner) + len(inner) % 2 for _, inner in found) in (
        len(content),
        len(content) + 1,
    )


@pytest.mark.parametrize("behind", [b"", b"more"])
def test_the_end_is_where_the_length_says(behind: bytes) -> None:
    content = made(riff_chunk(b"note", b"even"))

    end = read_riff_end(io.BytesIO(content + behind), len(content + behind), b"WEBP")

    assert end == len(content)


@pytest.mark.parametrize("length", [7, 8], ids=["padding not counted", "padding counted"])
def test_padding_at_the_end_may_be_counted_or_not(length: int) -> None:
    content = b"RIFF" + struct.pack("<I", 4 + 8 + length) + b"WEBPnote\x07\0\0\0content\0"

    assert read_riff_end(io.BytesIO(content), len(content), b"WEBP") == len(content)


def test_padding_at_the_end_may_be_missing() -> None:
    content = b"RIFF" + struct.pack("<I", 4 + 8 + 7) + b"WEBPnote\x07\0\0\0content"

    assert read_riff_end(io.BytesIO(content), len(content), b"WEBP") == len(content)
    assert walk(content) == [(b"note", b"content")]


@pytest.mark.parametrize(
    "content", [b"", b"RIFF\x04\0\0\0WAVE", b"RIFX\x04\0\0\0WEBP", b"RIFF\x03\0\0\0WEBP"]
)
def test_another_container_is_corrupt(content: bytes) -> None:
    with pytest.raises(catalogue.CorruptContent):
        read_riff_end(io.BytesIO(content), len(content), b"WEBP")


def test_the_walk_ends_after_so_many_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(riff, "MAX_CHUNKS", 3)

    assert len(walk(made(*[riff_chunk(b"note", b"")] * 2))) == 2
    with pytest.raises(catalogue.CorruptContent):
        walk(made(*[riff_chunk(b"note", b"")] * 3))
