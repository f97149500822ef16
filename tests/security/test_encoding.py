"""The first bytes of a text say how it is encoded."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security.encoding import text_encoding


def test_the_mark_decides_the_encoding() -> None:
    assert text_encoding(b"\xff\xfe") == text_encoding(b"\xfe\xff") == "utf-16"
    assert text_encoding(b"\xef\xbb") == text_encoding(b"") == "utf-8-sig"


@pytest.mark.property
@given(text=st.text(), encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_a_text_comes_back_as_it_was_written(text: str, encoding: str) -> None:
    content = text.encode(encoding)

    assert content.decode(text_encoding(content)) == text.removeprefix(
        "\ufeff" if encoding == "utf-8" else ""
    )


@pytest.mark.property
@given(content=st.binary(max_size=8))
def test_any_first_bytes_name_an_encoding_there_is(content: bytes) -> None:
    assert codecs.lookup(text_encoding(content))
