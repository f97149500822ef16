"""The last frame of a FLAC is taken by its two check sums, whatever its header tells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security.structure.flac import inspect_flac
from tests.files.audio import flac
from tests.security.structure.verdicts import verdict_of

START = flac()[:42].replace(b"fLaC\0", b"fLaC\x80", 1)  # its first block is the last one


def check_sum(content: bytes, generator: int, bits: int) -> bytes:
    """Bit by bit, as RFC 9639 defines it."""
    rest = 0
    for byte in content + bytes(bits // 8):
        for place in range(7, -1, -1):
            rest = rest << 1 | byte >> place & 1
            if rest >> bits:
                rest ^= 1 << bits | generator
    return rest.to_bytes(bits // 8, "big")


def frame(size: int, rate: int, number_bytes: int, sound: bytes, sync: int = 0xF8) -> bytes:
    """A frame with the codes of its block size and sample rate, and both check sums."""
    first = {1: 0x41}.get(number_bytes, 0xFF << 8 - number_bytes & 0xFF)
    number = bytes([first]) + b"\x80" * (number_bytes - 1)
    more = {6: 1, 7: 2}.get(size, 0) + {12: 1, 13: 2, 14: 2}.get(rate, 0)
    header = bytes([0xFF, sync, size << 4 | rate, 0x08]) + number + bytes(more)
    header += check_sum(header, 0x07, 8)
    return header + sound + check_sum(header + sound, 0x8005, 16)


def verdict(content: bytes) -> str:
    return verdict_of(inspect_flac, START + content)


sounds = st.binary(min_size=1, max_size=40).filter(lambda sound: b"\xff" not in sound)


@given(
    size=st.integers(1, 15),
    rate=st.integers(0, 14),
    number_bytes=st.integers(1, 7),
    sound=sounds,
    sync=st.sampled_from([0xF8, 0xF9]),
)
def test_a_frame_with_both_check_sums_is_the_last(
    size: int, rate: int, number_bytes: int, sound: bytes, sync: int
) -> None:
    assert verdict(frame(size, rate, number_bytes, sound, sync)) == "accepted"


@given(sound=sounds, bit=st.integers(0, 7), data=st.data())
def test_a_frame_with_another_bit_is_corrupt(sound: bytes, bit: int, data: st.DataObject) -> None:
    content = bytearray(frame(6, 12, 2, sound))
    content[data.draw(st.integers(2, len(content) - 1))] ^= 1 << bit

    assert verdict(bytes(content)) == "corrupt_content"


@pytest.mark.parametrize(("size", "rate"), [(0, 1), (1, 15)])
def test_a_header_with_a_forbidden_code_is_none(size: int, rate: int) -> None:
    assert verdict(frame(size, rate, 1, b"sound")) == "corrupt_content"


def test_every_check_sum_of_a_byte_is_known() -> None:
    for byte in range(255):
        assert verdict(frame(1, 1, 1, bytes([byte]))) == "accepted", byte


def test_a_header_that_is_cut_short_is_none_though_its_check_sums_fit() -> None:
    # Half of a header of sixteen bytes; the last three make both sums zero.
    cut = bytes.fromhex("fff87e08fe6f1c6a")
    assert check_sum(cut, 0x07, 8) == b"\0"
    assert check_sum(cut, 0x8005, 16) == b"\0\0"

    assert verdict(b"\xff\xf8" + cut) == "corrupt_content"
