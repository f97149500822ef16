"""The metadata of a FLAC: blocks to the last byte, and what the stream's own block tells."""

from __future__ import annotations

import io

import pytest

from errors import catalogue
from security.structure import flac as gate
from tests.files.audio import flac
from tests.security.structure.verdicts import verdict_of

REAL = flac()
INFO, FRAME = REAL[8:42], REAL[REAL.rindex(b"\xff\xf8") :]


def block(kind: int, content: bytes) -> bytes:
    return bytes((kind,)) + len(content).to_bytes(3, "big") + content


def stream(*blocks: bytes) -> bytes:
    return b"fLaC" + block(0, INFO) + b"".join(blocks)


def verdict(content: bytes) -> str:
    return verdict_of(gate.inspect_flac, content)


@pytest.mark.parametrize(
    ("cut", "note"),
    [(0, "no FLAC frame behind the metadata"), (1, "FLAC block reaches behind the file")],
)
def test_a_block_ends_with_the_file_at_the_latest(cut: int, note: str) -> None:
    content = stream(block(0x81, b"xx"))
    content = content[: len(content) - cut]

    with pytest.raises(catalogue.CorruptContent) as refusal:
        gate.inspect_flac(io.BytesIO(content), len(content))

    assert refusal.value.note == note


def test_a_stream_tells_of_itself_once() -> None:
    assert verdict(stream(block(0x81, b"")) + FRAME) == "accepted"
    assert verdict(stream(block(0x80, INFO)) + FRAME) == "corrupt_content"


@pytest.mark.parametrize(("more", "judged"), [(0, "corrupt_content"), (1, "accepted")])
def test_a_frame_of_the_largest_size_is_still_looked_for(more: int, judged: str) -> None:
    largest = (gate.MAX_LAST_FRAME_BYTES + more).to_bytes(3, "big")
    content = b"fLaC" + block(0x80, INFO[:7] + largest + INFO[10:]) + FRAME[:-1] + b"x"

    assert verdict(content) == judged


def test_a_frame_without_compression_is_as_large_as_its_samples() -> None:
    # Blocks of 4096 samples, 8000 of them in a second, 2 channels of 16 bits.
    shape = (8000 << 12 | 2 - 1 << 9 | 16 - 1 << 4).to_bytes(4, "big")
    content = (4096).to_bytes(2, "big") * 2 + bytes(6) + shape + bytes(20)

    assert gate._read_streaminfo(io.BytesIO(content), len(content)) == 4096 * 2 * 17 // 8


def test_a_number_begins_with_seven_ones_at_most() -> None:
    assert gate._header_bytes(b"\xff\xf8\x74\x08\xfe") == 14
    assert gate._header_bytes(b"\xff\xf8\x74\x08\xff") == 0
