"""An Ogg is accepted when pages follow each other to its end, and all its streams are sound."""

from __future__ import annotations

import contextlib
import io

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from errors.base import ServiceError
from security.structure import ogg as ogg_gate
from security.structure.ogg import inspect_ogg
from tests import samples
from tests.files.audio import comments, ogg_flac, opus, pages, speex, vorbis
from tests.security.structure.variations import find_changes, samples_of
from tests.security.structure.verdicts import verdict_of

REAL = opus()
KINDS = {"vorbis": vorbis(), "opus": opus(), "flac": ogg_flac(), "speex": speex()}
HEAD = b"OpusHead\x01\x01\0\0\x40\x1f\0\0\0\0\0"
TAGS = b"OpusTags" + comments()


def verdict(content: bytes) -> str:
    return verdict_of(inspect_ogg, content)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_sound_is_accepted(kind: str) -> None:
    assert verdict(KINDS[kind]) == "accepted"


@pytest.mark.property
@given(packets=st.lists(st.binary(max_size=600), min_size=1, max_size=40), is_whole=st.booleans())
def test_any_packets_on_pages_are_accepted(packets: list[bytes], is_whole: bool) -> None:
    assume(b"%PDF" not in b"".join(packets))
    # A stream that was recorded until the power went has no last page marked as such.
    assert verdict(pages(HEAD, TAGS, *packets, is_whole=is_whole)) == "accepted"


@pytest.mark.property
@given(content=st.binary(max_size=80) | st.binary(max_size=80).map(lambda end: REAL[:47] + end))
def test_any_bytes_are_accepted_or_refused_by_the_catalogue(content: bytes) -> None:
    with contextlib.suppress(ServiceError):
        inspect_ogg(io.BytesIO(content), len(content))


@pytest.mark.property
@given(cut=st.integers(1, 60))
def test_a_last_page_that_is_cut_short_is_corrupt(cut: int) -> None:
    assert verdict(pages(HEAD, TAGS, bytes(100))[:-cut]) == "corrupt_content"


@pytest.mark.parametrize(
    "content",
    [
        REAL + vorbis(),
        REAL + pages(HEAD, TAGS, serial=2),
        REAL + pages(b"fishead\0" + bytes(56), b"bones", serial=3),
        REAL + bytes(100),
    ],
    ids=["chained", "second stream", "skeleton", "zeros"],
)
def test_streams_may_follow_each_other(content: bytes) -> None:
    assert verdict(content) == "accepted"


@pytest.mark.parametrize("start", [b"\x80theora", b"BBCD\0", b"fishead\0", b"hello", b""])
def test_a_stream_that_is_no_sound_is_a_mismatch(start: bytes) -> None:
    assert verdict(pages(start.ljust(20, b"\0"), b"x")) == "content_mismatch"


def test_a_film_behind_the_sound_is_a_mismatch() -> None:
    assert verdict(REAL + pages(b"\x80theora" + bytes(40), b"x", serial=9)) == "content_mismatch"


@pytest.mark.parametrize(
    "content",
    [b"", b"OggS", REAL[:47], REAL[47:], b"OggS\x01" + REAL[5:], b"RIFF" + REAL[4:]],
    ids=["empty", "mark alone", "one page", "no first page", "later version", "no mark"],
)
def test_what_is_no_whole_ogg_is_corrupt(content: bytes) -> None:
    assert verdict(content) == "corrupt_content"


ARCHIVE = samples.archive({"a.txt": "hello"})


@pytest.mark.parametrize(
    "content",
    [
        REAL + ARCHIVE,
        REAL + b"\x7fELF" + bytes(60),
        REAL + b"x" + REAL,
        pages(HEAD, TAGS, ARCHIVE),
        pages(HEAD, b"OpusTags" + comments(b"TITLE=%PDF-1.7"), b"x"),
    ],
    ids=["archive", "program", "gap", "archive as sound", "document"],
)
def test_an_ogg_that_is_something_else_as_well_is_ambiguous(content: bytes) -> None:
    assert verdict(content) == "ambiguous_content"


def test_of_a_long_file_both_ends_are_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ogg_gate, "MAX_PAGES", 10)
    long = pages(HEAD, TAGS, *[b"OggS" + b"\x01" * 5000] * 60)

    assert verdict(long) == "accepted"
    assert verdict(long + bytes(50)) == "accepted"
    assert verdict(long + b"x" * 50) == "ambiguous_content"
    assert verdict(long[:-50]) == "ambiguous_content"
    assert verdict(long + b"x" * 140_000) == "ambiguous_content"


@samples_of("audio/ogg")
def test_no_variation_of_a_file_is_judged_otherwise_unnoticed(name: str) -> None:
    assert find_changes(name) == []
