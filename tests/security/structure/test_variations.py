"""The golden verdicts: nothing is lost in their short form, and another verdict is told."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.security.structure import variations
from tests.security.structure.variations import (
    LETTERS,
    find_changes,
    judge,
    lengthen,
    list_variations,
    shorten,
)


@given(st.text(list(LETTERS.values())))
def test_the_short_form_says_the_same(letters: str) -> None:
    assert "".join(lengthen(shorten(letters))) == letters


@given(st.binary(max_size=600))
def test_every_variation_differs_from_the_file(content: bytes) -> None:
    (_, first), *others = list_variations(content)

    assert first == content
    assert content == b"" or all(other != content for _, other in others)


def test_a_file_that_is_judged_otherwise_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    row = judge("image/bmp", b"BM")
    other = {**row, "verdicts": row["verdicts"].replace("c", "a")}
    monkeypatch.setattr(variations, "read_golden", lambda: {"same": row, "other": other})

    assert base64.b64decode(row["content"]) == b"BM"
    assert find_changes("same") == []
    assert find_changes("other")[0] == "as it is: a became c"
