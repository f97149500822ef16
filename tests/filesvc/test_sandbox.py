"""The keeper of the confined process: whatever that process does, one of few ends, in time."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from errors import catalogue
from filesvc.sandbox import ProcessorCrashed, ProcessorDied, stop_sandbox
from tests.filesvc.describing import (
    describe_file,
    open_descriptors,
    process_id,
    state_of,
)
from tests.filesvc.odd_program import PREVIEW

# The time-out, the frame that never ends, the process that is ended, and much room.
BOUND_SECONDS = 20.0
ENDS: dict[str, type[Exception]] = {
    "segfault": ProcessorDied,
    "hoard": ProcessorDied,
    "exit": ProcessorDied,
    "half": ProcessorDied,
    "drip": ProcessorDied,
    "sleep": catalogue.ProcessingTimeout,
    "loop": catalogue.ProcessingTimeout,
    "flood": catalogue.ProcessingTimeout,
    "nothing": catalogue.ProcessingTimeout,
    "no preview": catalogue.ProcessingTimeout,
    "crash": ProcessorCrashed,
    "end_in_a_foreign_error": ProcessorCrashed,
    "garbage": ProcessorCrashed,
    "wild": ProcessorCrashed,
    "ready": ProcessorCrashed,
    "formless": ProcessorCrashed,
    "extra": ProcessorCrashed,
    "nul": ProcessorCrashed,
    "unknown error": ProcessorCrashed,
    "forged error": ProcessorCrashed,
    "forged refusal": ProcessorCrashed,
    "large preview": ProcessorCrashed,
    "forged preview": ProcessorCrashed,
}
pytestmark = pytest.mark.usefixtures("odd_sandbox")


@pytest.mark.parametrize("behaviour", ENDS)
def test_a_process_that_misbehaves_is_ended_and_the_next_file_is_described_by_another(
    tmp_path: Path, behaviour: str
) -> None:
    describe_file(b"hello", tmp_path)
    first, started = process_id(), time.monotonic()

    with pytest.raises(ENDS[behaviour]):
        describe_file(behaviour.encode(), tmp_path)

    assert time.monotonic() - started < BOUND_SECONDS
    assert state_of(first) is None, "it has ended, and its end was asked for"
    assert describe_file(b"hello", tmp_path).metadata["size"] == 5
    assert process_id() != first


def test_no_descriptor_is_left_of_a_process_that_was_ended(tmp_path: Path) -> None:
    stop_sandbox()
    before = open_descriptors()

    for behaviour in ("segfault", "crash", "sleep", "forged preview"):
        with pytest.raises(ENDS[behaviour]):
            describe_file(behaviour.encode(), tmp_path)

    assert open_descriptors() == before


def test_a_crash_tells_its_traceback(tmp_path: Path) -> None:
    with pytest.raises(ProcessorCrashed, match="RuntimeError: planted-text-of-an-exception"):
        describe_file(b"crash", tmp_path)


@pytest.mark.parametrize(
    ("behaviour", "status"), [("segfault", -signal.SIGSEGV), ("hoard", 77), ("exit", 0)]
)
def test_a_death_tells_the_exit_status(tmp_path: Path, behaviour: str, status: int) -> None:
    with pytest.raises(ProcessorDied, match=f"exit status {status}$"):
        describe_file(behaviour.encode(), tmp_path)


def test_an_error_of_a_processor_comes_through_and_its_process_is_kept(tmp_path: Path) -> None:
    describe_file(b"hello", tmp_path)
    first = process_id()

    with pytest.raises(catalogue.CorruptContent) as raised:
        describe_file(b"end_in_corruption", tmp_path)

    assert raised.value.note == "cut short"
    assert process_id() == first


def test_what_libraries_print_reaches_nobody_and_changes_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert describe_file(b"chatter", tmp_path).metadata["size"] == 7

    assert capfd.readouterr() == ("", "")


def test_a_readable_file_that_is_refused_is_described_all_the_same(tmp_path: Path) -> None:
    answer = describe_file(b"refuse", tmp_path)

    assert isinstance(answer.refusal, catalogue.ActiveContent)
    assert (answer.refusal.note, answer.metadata["size"]) == ("a macro", 6)


def test_progress_and_preview_arrive_as_they_were_told(tmp_path: Path) -> None:
    heard: list[tuple[str, int]] = []

    answer = describe_file(
        b"picture", tmp_path, lambda stage, percent: heard.append((stage, percent))
    )

    assert heard == [("painting", 0), ("painting", 50), ("painting", 100)]
    assert (answer.preview, answer.refusal) == (PREVIEW, None)
