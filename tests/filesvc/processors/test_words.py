"""Words counted in pieces are the words of the whole."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from filesvc.processors.words import WordCount

PIECES = st.lists(st.text("ab \t\n\u3000\u200bé", max_size=5))


def count(pieces: list[str]) -> WordCount:
    counted = WordCount()
    for piece in pieces:
        counted.add(piece)
    return counted


@pytest.mark.property
@given(pieces=PIECES)
@example(pieces=["wo", "", "rd"])
@example(pieces=["a ", " b"])
def test_a_text_has_as_many_words_however_it_is_cut(pieces: list[str]) -> None:
    assert count(pieces).words == len("".join(pieces).split())


@pytest.mark.property
@given(before=PIECES, inside=PIECES, after=PIECES)
def test_a_text_goes_on_after_another_that_stands_inside_it(
    before: list[str], inside: list[str], after: list[str]
) -> None:
    counted = count(before)

    outer = counted.leave()
    for piece in inside:
        counted.add(piece)
    counted.resume(outer)
    for piece in after:
        counted.add(piece)

    whole, within = "".join(before + after), "".join(inside)
    assert counted.words == len(whole.split()) + len(within.split())
