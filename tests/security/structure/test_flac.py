"""A FLAC is accepted when its blocks fit, and its last frame is whole."""

from __future__ import annotations

import contextlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import catalogue
from errors.base import ServiceError
from security.structure import flac as flac_gate
from security.structure.flac import inspect_flac
from tests import samples
from tests.files.audio import flac, id3, id3v1, tagged_flac
from tests.security.structure.variations import find_changes, samples_of
from tests.security.structure.verdicts import verdict_of

REAL = flac()
FRAME_AT = REAL.rindex(b"\xff\xf8")
INFO, FRAME = REAL[4:42], REAL[FRAME_AT:]
ARCHIVE = samples.archive({"a.txt": "hello"})


def verdict(content: bytes) -> str:
    return verdict_of(inspect_flac, content)


def with_blocks(*blocks: tuple[int, bytes], frame: bytes = FRAME) -> bytes:
    """The real stream with other metadata behind its first block."""
    told = [bytes((kind,)) + len(content).to_bytes(3, "big") + content for kind, content in blocks]
    return b"fLaC" + INFO + b"".join(told) + frame


@pytest.mark.property
@given(
    tags=st.dictionaries(st.from_regex("[a-z]{1,8}", fullmatch=True), st.text(max_size=300)),
    is_tagged=st.booleans(),
)
def test_what_mutagen_writes_is_accepted(tags: dict[str, str], is_tagged: bool) -> None:
    content = tagged_flac(**tags)

    assert verdict(id3() + content + id3v1() if is_tagged else content) == "accepted"


@pytest.mark.property
@given(content=st.binary(max_size=80) | st.binary(max_size=80).map(lambda end: REAL[:42] + end))
def test_any_bytes_are_accepted_or_refused_by_the_catalogue(content: bytes) -> None:
    with contextlib.suppress(ServiceError):
        inspect_flac(io.BytesIO(content), len(content))


@pytest.mark.property
@given(kept=st.integers(0, len(REAL) - 1))
def test_a_flac_that_is_cut_short_is_corrupt(kept: int) -> None:
    assert verdict(REAL[:kept]) == "corrupt_content"


@pytest.mark.property
@given(place=st.integers(FRAME_AT, len(REAL) - 1), change=st.integers(1, 255))
def test_a_last_frame_that_is_damaged_is_corrupt(place: int, change: int) -> None:
    content = bytearray(REAL)
    content[place] ^= change

    assert verdict(bytes(content)) == "corrupt_content"


@pytest.mark.parametrize("kind", [1, 2, 3, 4, 5, 6, 100])
def test_blocks_of_every_kind_are_accepted(kind: int) -> None:
    assert verdict(with_blocks((kind, bytes(500)), (0x81, bytes(40)))) == "accepted"


@pytest.mark.parametrize(
    "content",
    [
        with_blocks((0x80, bytes(34))),
        with_blocks((0xFF, b"")),
        with_blocks(*[(1, b"")] * 1001, (0x81, b"")),
        with_blocks((0x81, b""), frame=b""),
        with_blocks((0x81, b""), frame=b"\xff\xfb\x90\x00" + bytes(500)),
        b"fLaC" + b"\x81\0\0\0" + FRAME,
        b"fLaC" + b"\x80\0\0\x21" + bytes(33) + FRAME,
        b"fLaC" + b"\x80\0\0\x22" + bytes(34) + FRAME,
        b"fLaC",
        b"OggS",
        b"",
    ],
)
def test_blocks_that_do_not_fit_are_corrupt(content: bytes) -> None:
    assert verdict(content) == "corrupt_content"


def test_something_behind_the_last_frame_is_refused() -> None:
    assert verdict(REAL + b"\x7fELF" + bytes(60)) == "corrupt_content"


@pytest.mark.parametrize(
    "content", [with_blocks((1, ARCHIVE), (0x81, b"")), with_blocks((2, b"%PDF-1.7"), (0x81, b""))]
)
def test_a_flac_that_is_something_else_as_well_is_ambiguous(content: bytes) -> None:
    assert verdict(content) == "ambiguous_content"


def test_a_large_last_frame_is_not_searched_for() -> None:
    # Up to 65,535 samples of eight channels and 32 bits: the frame may be of 2 MB.
    largest = b"\xff\xff\xff\xff" + bytes(6) + b"\x0b\xb8\x0f\xf0" + bytes(20)
    content = b"fLaC" + b"\x80\0\0\x22" + largest + b"\xff\xf8" + b"\x01" * 100_000

    assert verdict(content) == "accepted"


def test_the_check_sums_are_those_of_the_standard() -> None:
    # The published check values of CRC-8/SMBUS and CRC-16/UMTS.
    assert flac_gate._crc8(b"123456789") == 0xF4
    assert flac_gate._crc16(b"123456789") == 0xFEE8


@pytest.mark.parametrize(
    ("start", "length"),
    [
        ("fff8c40800", 6),  # size and rate in their codes, a number of one byte
        ("fff864080b", 7),  # one byte of block size
        ("fff97e08c2", 11),  # two of block size, two of rate, a number of two bytes
        ("fff8040800", 0),  # no block size
        ("fff87f0800", 0),  # no rate
        ("fff8740880", 0),  # a number that begins in its middle
        ("fff87408", 0),
    ],
)
def test_a_header_of_a_frame_says_how_long_it_is(start: str, length: int) -> None:
    assert flac_gate._header_bytes(bytes.fromhex(start)) == length


@pytest.mark.property
@given(
    block=st.integers(0, 0xFFFF),
    told=st.just(0) | st.integers(0, 0xFFFFFF),
    rate=st.just(0) | st.integers(0, 0xFFFFF),
    channels=st.integers(1, 8),
    bits=st.integers(1, 32),
)
def test_the_largest_frame_is_as_told_or_as_large_as_its_samples(
    block: int, told: int, rate: int, channels: int, bits: int
) -> None:
    fields = ((16, 16), (16, block), (24, 7), (24, told), (20, rate), (3, channels - 1))
    content = packed(*fields, (5, bits - 1), (36, 2**36 - 1), (128, 0))

    if rate:
        # One channel of a pair of channels may be a difference, which takes a bit more (9.2.3).
        assert read_streaminfo(content) == (told or block * channels * (bits + 1) // 8)
    else:
        with pytest.raises(catalogue.CorruptContent):
            read_streaminfo(content)


def packed(*fields: tuple[int, int]) -> bytes:
    """Numbers of so many bits each, one behind the other."""
    written = "".join(f"{number:0{bits}b}" for bits, number in fields)
    return int(written, 2).to_bytes(len(written) // 8, "big")


def read_streaminfo(content: bytes) -> int:
    return flac_gate._read_streaminfo(io.BytesIO(content), len(content))


def frame_of(length: int, change: int = 0) -> bytes:
    """A frame of that length with a right check sum behind it; its header is changed so."""
    head = FRAME[: flac_gate._header_bytes(FRAME[:5])]
    head = head[:-1] + bytes((head[-1] ^ change,))
    whole = head + bytes(length - len(head) - 2)
    return whole + flac_gate._crc16(whole).to_bytes(2, "big")


@pytest.mark.parametrize(("more", "judged"), [(0, "accepted"), (1, "corrupt_content")])
def test_a_last_frame_is_looked_for_in_so_many_bytes_and_no_more(more: int, judged: str) -> None:
    most = flac_gate.MAX_LAST_FRAME_BYTES + flac_gate.MAX_FRAME_HEADER_BYTES
    before = b"\xff\xf8" + b"\x01" * 100_000

    assert verdict(with_blocks((0x81, b""), frame=before + frame_of(most + more))) == judged


@pytest.mark.property
@given(change=st.integers(1, 255))
def test_a_last_frame_whose_header_is_damaged_is_none(change: int) -> None:
    assert verdict(with_blocks((0x81, b""), frame=frame_of(500))) == "accepted"
    damaged = with_blocks((0x81, b""), frame=frame_of(500, change))

    assert verdict(damaged) == "corrupt_content"


@pytest.mark.parametrize("kind", [126, 127])
def test_of_the_kinds_of_blocks_one_is_forbidden(kind: int) -> None:
    judged = verdict(with_blocks((kind, b""), (0x81, b"")))

    assert judged == ("corrupt_content" if kind == 127 else "accepted")


@samples_of("audio/flac")
def test_no_variation_of_a_file_is_judged_otherwise_unnoticed(name: str) -> None:
    assert find_changes(name) == []
