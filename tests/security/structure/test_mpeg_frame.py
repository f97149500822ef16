"""Every header of an MPEG frame says what the standards' tables say."""

from __future__ import annotations

import itertools

import pytest

from security.structure.mpeg_frame import MAX_FRAME_BYTES, frame_bytes

# kbit/s by index 1 to 14 (ISO/IEC 11172-3, table 2.4.2.3; 13818-3, 2.4.2.3): MPEG 1 layers I, II
# and III, then MPEG 2 and 2.5 layer I, and their layers II and III.
KILOBITS = """
 32  32  32  32   8
 64  48  40  48  16
 96  56  48  56  24
128  64  56  64  32
160  80  64  80  40
192  96  80  96  48
224 112  96 112  56
256 128 112 128  64
288 160 128 144  80
320 192 160 160  96
352 224 192 176 112
384 256 224 192 128
416 320 256 224 144
448 384 320 256 160
"""
ROWS = [[int(word) for word in line.split()] for line in KILOBITS.strip().splitlines()]
HERTZ = {
    3: (44_100, 48_000, 32_000),
    2: (22_050, 24_000, 16_000),
    0: (11_025, 12_000, 8_000),
}


def expected_bytes(version: int, layer: int, rate: int, sampling: int, padding: int) -> int:
    """As the standards put it, in slots of four bytes or of one."""
    if version == 1 or layer == 4 or rate in (0, 15) or sampling == 3:
        return 0
    column = layer - 1 if version == 3 else min(layer, 2) + 2
    per_sample = 1000 * ROWS[rate - 1][column] / HERTZ[version][sampling] / 8
    if layer == 1:
        return (int(384 * per_sample / 4) + padding) * 4
    return int((576 if layer == 3 and version != 3 else 1152) * per_sample) + padding


def header(*fields: int, more: int = 0) -> bytes:
    """Twelve bits of sync, less one, and the fields behind them; `more` fills the others."""
    version, layer, rate, sampling, padding = fields
    number = 0x7FF << 21 | version << 19 | 4 - layer << 17 | rate << 12 | sampling << 10
    other_bits = 1 << 16 | 1 << 8 | 0xFF
    return (number | padding << 9 | (other_bits if more else 0)).to_bytes(4, "big")


FIELDS = [range(4), range(1, 5), range(16), range(4), range(2)]


@pytest.mark.parametrize("more", [0, 1])
def test_every_header_tells_the_length_of_its_frame(more: int) -> None:
    for fields in itertools.product(*FIELDS):
        found = frame_bytes(b"ab" + header(*fields, more=more) + b"cd", 2)
        assert found == expected_bytes(*fields), fields


def test_the_longest_frame_is_known() -> None:
    longest = max(expected_bytes(*fields) for fields in itertools.product(*FIELDS))

    assert longest == MAX_FRAME_BYTES


@pytest.mark.parametrize("bit", range(21, 32))
def test_without_its_first_eleven_bits_it_is_no_header(bit: int) -> None:
    whole = int.from_bytes(header(3, 3, 9, 0, 0), "big")

    assert frame_bytes(whole.to_bytes(4, "big"), 0) == 417
    assert frame_bytes((whole ^ 1 << bit).to_bytes(4, "big"), 0) == 0


@pytest.mark.parametrize("kept", range(4))
def test_a_header_that_is_cut_short_is_read_as_if_zeros_followed(kept: int) -> None:
    content = header(3, 3, 9, 1, 1)[:kept]

    assert frame_bytes(content, 0) == frame_bytes(content.ljust(4, b"\0") + b"\xff", 0)
