"""What is counted in a text, against the plainest way of counting it."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from errors import catalogue
from filesvc.processors import counting
from filesvc.processors.subject import Subject
from filesvc.processors.text import describe_text
from tests.filesvc.processors.telling import tell

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16"]
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    st.text("ab \t\n\r\u3000\U0001f600", max_size=60),
)


def describe(content: bytes) -> dict[str, Any]:
    return tell(describe_text, content)


@pytest.mark.property
@given(text=TEXTS, encoding=st.sampled_from(ENCODINGS), chunk=st.integers(1, 20))
@example(text="one two\nthree", encoding="utf-8", chunk=4)
@example(text="", encoding="utf-8-sig", chunk=1)
def test_the_counts_are_right_wherever_a_chunk_ends(
    text: str, encoding: str, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "CHUNK_BYTES", chunk)
    text = text.removeprefix("\ufeff")  # a mark at the start is no part of the text

    told = describe(text.encode(encoding))

    assert told == {
        "kind": "text",
        "encoding": "utf-16" if encoding == "utf-16" else "utf-8",
        "lines": len(text.split("\n")) - text.endswith("\n") if text else 0,
        "words": len(text.split()),
        "characters": len(text),
    }


@pytest.mark.property
@given(content=st.binary(max_size=60))
@example(content=b"\xef")
@example(content=b"\xef\xbb\xbf")
def test_any_bytes_are_counted_or_refused_as_corrupt(content: bytes) -> None:
    is_utf16 = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    try:
        text = content.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        with pytest.raises(catalogue.CorruptContent):
            describe(content)
    else:
        assert describe(content)["characters"] == len(text)


@pytest.mark.parametrize(
    ("text", "lines"),
    [("a", 1), ("a\n", 1), ("a\nb", 2), ("\n", 1), ("\n\n", 2), ("a\r\nb\r\n", 2)],
)
def test_a_last_line_counts_with_and_without_its_end(text: str, lines: int) -> None:
    assert describe(text.encode())["lines"] == lines


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_read_by_its_mark_in_either_order(encoding: str) -> None:
    told = describe("\ufeffa b".encode(encoding))

    assert (told["encoding"], told["words"], told["characters"]) == ("utf-16", 2, 3)


@pytest.mark.parametrize(
    "content", [b"caf\xc3", b"\xff\xfea", b"\xed\xa0\x80", b"\xff\xfe\x00\xd8"]
)
def test_a_text_that_breaks_off_inside_a_character_is_corrupt(content: bytes) -> None:
    with pytest.raises(catalogue.CorruptContent):
        describe(content)


def test_a_long_text_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "CHUNK_BYTES", 10)
    monkeypatch.setattr(counting, "REPORT_EVERY_BYTES", 50)
    reports: list[tuple[str, int]] = []
    source = io.BytesIO(b"x" * 200)

    describe_text(Subject("text/plain", 200, "", source, lambda *said: reports.append(said)))

    assert reports == [("reading", 25), ("reading", 50), ("reading", 75), ("reading", 100)]
