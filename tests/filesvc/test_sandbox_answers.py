"""What a process may answer: whatever its bytes are, the keeper ends in one of few ways."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from errors.base import ServiceError
from errors.catalogue import CATALOGUE
from filesvc import sandbox
from filesvc.metadata import MAX_TEXT
from filesvc.processors.subject import tell_nobody
from filesvc.sandbox import (
    ENDS_IN,
    MAX_ANSWER_BYTES,
    Answer,
    ProcessorCrashed,
    ProcessorDied,
    Report,
    Sandbox,
)
from tests.errors.examples import example as example_of
from tests.filesvc.conftest import new_row
from tests.filesvc.odd_program import FORM, PREVIEW

Told = dict[str, Any]
AskKeeper = Callable[..., Answer]
READY = {"is_ready": True}
TELLING = {"metadata": FORM}

KEYS = st.sampled_from(["code", "meta", "note", "kind", "size", "max_pixels", "places", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=6,
)
ERRORS = st.fixed_dictionaries(
    {
        "code": st.sampled_from(sorted(CATALOGUE)),
        "meta": st.dictionaries(KEYS, JSON, max_size=2),
        "note": st.text(max_size=5),
    }
)
TOLD = st.fixed_dictionaries(
    {},
    optional={
        "is_ready": st.booleans(),
        "progress": st.tuples(st.sampled_from(["reading", "", "a b"]), st.integers(-1, 101)),
        "metadata": st.just(FORM) | JSON,
        "refusal": ERRORS | JSON,
        "has_preview": st.booleans(),
        "error": ERRORS | JSON,
        "crash": st.text(max_size=5),
        "other": JSON,
    },
)
PROGRESS = st.tuples(st.from_regex("[a-z_]{1,32}", fullmatch=True), st.integers(0, 100))


def frame(content: bytes) -> bytes:
    return struct.pack("!i", len(content)) + content


def frames(*told: Told | bytes) -> bytes:
    return b"".join(
        frame(one if isinstance(one, bytes) else json.dumps(one).encode()) for one in told
    )


@pytest.fixture
def ask_keeper(monkeypatch: pytest.MonkeyPatch, settings: Any) -> AskKeeper:
    """Describe a file by a stand-in for the process that has answered already: with these bytes."""
    settings.PROCESSING_TIMEOUT_SECONDS = 5.0

    def ask(answers: bytes, report: Report = tell_nobody) -> Answer:
        with contextlib.ExitStack() as process, open(os.devnull, "rb") as source:

            def start(program: str, descriptor: int) -> subprocess.Popen[bytes]:
                theirs = process.enter_context(socket.socket(fileno=os.dup(descriptor)))
                theirs.sendall(frames(READY) + answers)
                theirs.shutdown(socket.SHUT_WR)
                return subprocess.Popen(["true"])

            monkeypatch.setattr(sandbox, "start", start)
            keeper = Sandbox("nothing is started")
            process.callback(keeper.stop)
            return keeper.describe(new_row(), source, report)

    return ask


@pytest.mark.property
@given(answers=st.one_of(
    st.binary(max_size=60),
    st.lists(st.binary(max_size=20)).map(lambda contents: frames(*contents)),
    st.lists(TOLD, max_size=3).map(lambda told: frames(*told)),
    st.builds(lambda told, cut: frames(told)[:cut], TOLD, st.integers(0, 60)),
))  # fmt: skip
@example(answers=frames({"error": {"code": "corrupt_content", "meta": {}, "note": ""}}))
@example(answers=frames(TELLING))
@example(answers=struct.pack("!i", -1) + struct.pack("!Q", 2**40))
@example(answers=struct.pack("!i", -7))
def test_whatever_is_answered_ends_in_what_the_keeper_promises(
    ask_keeper: AskKeeper, answers: bytes
) -> None:
    end = how_it_ends(lambda: ask_keeper(answers))

    if isinstance(end, Answer):
        assert set(end.metadata) == set(FORM)
        assert_plain(end.metadata)
    elif isinstance(end, ENDS_IN):
        assert_plain(end.meta)
        assert (end.places, end.retry_after_seconds) == ((), None)
    else:
        assert isinstance(end, (ProcessorDied, ProcessorCrashed))


def how_it_ends(work: Callable[[], Answer]) -> Answer | Exception:
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - which it is, is the question
        return error


def assert_plain(told: Told) -> None:
    """A row can keep it, and it comes back as it was."""
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert "\\u0000" not in json.dumps(told)


@pytest.mark.property
@given(progress=st.lists(PROGRESS, max_size=5), error=st.none() | st.sampled_from(ENDS_IN))
def test_progress_is_passed_on_and_changes_no_end(
    ask_keeper: AskKeeper,
    progress: list[tuple[str, int]],
    error: type[ServiceError] | None,
) -> None:
    told = [{"progress": one} for one in progress]
    heard: list[tuple[str, int]] = []

    def report(stage: str, percent: int) -> None:
        heard.append((stage, percent))

    if error is None:
        assert ask_keeper(frames(*told, TELLING), report) == Answer(FORM, None, None)
    else:
        ended = example_of(error)
        named = {"code": error.code, "meta": ended.meta, "note": "of a processor"}
        with pytest.raises(error) as raised:
            ask_keeper(frames(*told, {"error": named}), report)
        assert (raised.value.meta, raised.value.note) == (ended.meta, "of a processor")
    assert heard == progress


@pytest.mark.property
@given(text=st.text(max_size=20) | st.text(min_size=MAX_TEXT - 1, max_size=MAX_TEXT + 1))
@example(text="a\0b")
def test_a_text_is_taken_as_it_is_when_a_row_can_keep_it(ask_keeper: AskKeeper, text: str) -> None:
    answers = frames({"metadata": FORM | {"media_type": text}})

    if len(text) <= MAX_TEXT and "\0" not in text:
        assert ask_keeper(answers).metadata["media_type"] == text
    else:
        with pytest.raises(ProcessorCrashed):
            ask_keeper(answers)


@pytest.mark.property
@given(cut=st.integers(0, len(frames(TELLING | {"has_preview": True}, PREVIEW)) - 1))
def test_an_answer_that_is_cut_anywhere_is_no_answer(ask_keeper: AskKeeper, cut: int) -> None:
    whole = frames(TELLING | {"has_preview": True}, PREVIEW)

    with pytest.raises(ProcessorDied, match="exit status 0"):
        ask_keeper(whole[:cut])


@pytest.mark.parametrize("code", sorted(set(CATALOGUE) - {error.code for error in ENDS_IN}))
def test_an_error_that_is_none_of_a_processors_is_a_crash(ask_keeper: AskKeeper, code: str) -> None:
    error = example_of(CATALOGUE[code])

    with pytest.raises(ProcessorCrashed, match="unknown error"):
        ask_keeper(frames({"error": {"code": code, "meta": error.meta, "note": ""}}))


@pytest.mark.parametrize(
    "meta",
    [
        {"max_pixels": 1},
        {"max_pixels": 1, "max_frames": "2"},
        {"max_pixels": 1, "max_frames": True},
        {"max_pixels": 1, "max_frames": 2.0},
        {"max_pixels": 1, "max_frames": 2, "retry_after_seconds": 3},
        {"max_pixels": 1, "max_frames": 2, "note": "another"},
    ],
)
def test_an_error_has_exactly_the_details_it_is_declared_with(
    ask_keeper: AskKeeper, meta: Told
) -> None:
    with pytest.raises(ProcessorCrashed, match="unknown error"):
        ask_keeper(frames({"error": {"code": "image_limits_exceeded", "meta": meta, "note": ""}}))


@pytest.mark.parametrize(("more", "is_taken"), [(0, True), (1, False)])
def test_a_preview_has_at_most_one_mebibyte(
    ask_keeper: AskKeeper, more: int, is_taken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Smaller than the buffer of a socket, so that the stand-in can answer before it is read.
    monkeypatch.setattr(sandbox, "MAX_ANSWER_BYTES", MAX_ANSWER_BYTES // 16)
    preview = PREVIEW.ljust(MAX_ANSWER_BYTES // 16 + more, b"\0")
    answers = frames(TELLING | {"has_preview": True}, preview)

    if is_taken:
        assert ask_keeper(answers).preview == preview
    else:
        with pytest.raises(ProcessorCrashed, match="an answer of 65537 bytes"):
            ask_keeper(answers)
