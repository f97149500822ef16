"""The messages between the confined process and its keeper: nothing but the declared fields."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from errors.base import ServiceError
from filesvc.frames import MAX_NOTE, MAX_TRACEBACK, Question, Told, ToldError, tell_error
from tests.errors.examples import any_error

FORM = {"kind": "file", "size": 1, "media_type": "text/plain", "sha256": ""}
PLAIN = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ASKED = st.builds(
    Question, media_type=PLAIN, size_bytes=st.integers(0, 2**40), sha256=st.text("0123456789abcdef")
)
ERRORS = st.builds(
    ToldError,
    code=st.text("abc_", max_size=5),
    meta=st.dictionaries(st.text("abc", max_size=3), st.integers() | PLAIN, max_size=3),
    note=PLAIN,
)
STAGES = st.text(string.ascii_lowercase + "_", min_size=1, max_size=32)
ANY_TOLD = st.one_of(
    st.just(Told(is_ready=True)),
    st.builds(Told, progress=st.tuples(STAGES, st.integers(0, 100))),
    st.builds(Told, metadata=st.just(FORM), refusal=st.none() | ERRORS, has_preview=st.booleans()),
    st.builds(Told, error=ERRORS),
    st.builds(Told, crash=PLAIN),
)


@pytest.mark.property
@given(frame=ASKED | ANY_TOLD)
def test_a_frame_arrives_as_it_was_sent(frame: Question | Told) -> None:
    sent = frame.model_dump_json(exclude_none=True).encode()

    assert type(frame).model_validate_json(sent) == frame


@pytest.mark.property
@given(frame=ASKED | ANY_TOLD | ERRORS, name=st.text("abcdefgh", min_size=1), value=st.integers())
def test_a_field_nobody_declared_is_refused(
    frame: Question | Told | ToldError, name: str, value: int
) -> None:
    with pytest.raises(ValidationError, match=name):
        type(frame).model_validate({**frame.model_dump(exclude_none=True), name: value})


@pytest.mark.parametrize(
    "told",
    [
        {"progress": ["reading", 101]},
        {"progress": ["reading", -1]},
        {"progress": ["reading", 0.5]},
        {"progress": ["reading"]},
        {"progress": ["", 1]},
        {"progress": ["a" * 33, 1]},
        {"progress": ["two words", 1]},
        {"progress": ["nul\0", 1]},
        {"progress": ["line\n", 1]},
        {"crash": "a" * (MAX_TRACEBACK + 1)},
        {"error": {"code": "corrupt_content", "meta": {}, "note": "a" * (MAX_NOTE + 1)}},
        {"error": {"code": "corrupt_content", "meta": []}},
        {"metadata": {"kind": "no such kind"}},
        {"metadata": "file"},
    ],
)
def test_a_message_outside_its_bounds_is_refused(told: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Told.model_validate(told)


@pytest.mark.property
@given(error=any_error())
def test_an_error_is_told_with_its_details_and_a_short_note(error: ServiceError) -> None:
    told = tell_error(error)

    assert (told.code, told.meta) == (error.code, error.meta)
    assert told.note == (error.note or "")[:MAX_NOTE]
