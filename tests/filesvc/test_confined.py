"""The confined program's own conversation, held here: one question, one open file, one answer."""

from __future__ import annotations

import json
import os
import runpy
import signal
import socket
import sys
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import catalogue
from filesvc import confined, confinement
from filesvc.confined import receive, serve
from filesvc.confinement import end_with_parent
from filesvc.frames import Question, Told
from filesvc.metadata import FileMetadata
from filesvc.processors.subject import Description, Subject
from tests.filesvc.odd_program import PREVIEW

ASKED = Question(media_type="application/x-any", size_bytes=5, sha256="00" * 32)
METADATA = FileMetadata(size=5, media_type="application/x-any", sha256="00" * 32)


@pytest.fixture
def ends() -> Iterator[tuple[Connection, Connection]]:
    """The program's end of its answers, and the keeper's."""
    theirs, ours = socket.socketpair()
    with Connection(theirs.detach()) as answers, Connection(ours.detach()) as heard:
        yield answers, heard


def open_file(folder: Path, content: bytes = b"hello") -> int:
    (folder / "file").write_bytes(content)
    return os.open(folder / "file", os.O_RDONLY)


def told(heard: Connection) -> list[Told]:
    """Every frame that has arrived."""
    frames = []
    while heard.poll():
        frames.append(Told.model_validate_json(heard.recv_bytes()))
    return frames


def describe_as(monkeypatch: pytest.MonkeyPatch, processor: Any) -> None:
    monkeypatch.setattr(confined, "describe", processor)


def test_a_question_comes_with_the_open_file(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        descriptor = open_file(tmp_path)
        socket.send_fds(ours, [ASKED.model_dump_json().encode()], [descriptor])
        os.close(descriptor)

        asked = receive(theirs)
        assert asked is not None
        with os.fdopen(asked[1], "rb") as source:
            assert (asked[0], source.read()) == (ASKED, b"hello")

        ours.close()
        assert receive(theirs) is None


def test_a_file_is_described_and_let_go(
    tmp_path: Path, ends: tuple[Connection, Connection]
) -> None:
    answers, heard = ends
    descriptor = open_file(tmp_path)

    serve(answers, ASKED, descriptor)

    assert told(heard) == [Told(metadata=METADATA)]
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_the_processor_gets_what_was_asked_and_the_first_byte(
    tmp_path: Path, ends: tuple[Connection, Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def describe(subject: Subject) -> Description:
        seen.extend((subject.media_type, subject.size_bytes, subject.sha256, subject.source.read()))
        return Description(METADATA)

    describe_as(monkeypatch, describe)

    serve(ends[0], ASKED, open_file(tmp_path))

    assert seen == [ASKED.media_type, ASKED.size_bytes, ASKED.sha256, b"hello"]


@pytest.mark.property
@given(percents=st.lists(st.integers(0, 100), max_size=5), has_preview=st.booleans())
def test_progress_comes_first_and_a_preview_last(
    tmp_path: Path,
    ends: tuple[Connection, Connection],
    monkeypatch: pytest.MonkeyPatch,
    percents: list[int],
    has_preview: bool,
) -> None:
    def describe(subject: Subject) -> Description:
        for percent in percents:
            subject.report("reading", percent)
        return Description(METADATA, PREVIEW if has_preview else None)

    describe_as(monkeypatch, describe)

    serve(ends[0], ASKED, open_file(tmp_path))

    frames = [ends[1].recv_bytes() for _ in range(len(percents) + 1 + has_preview)]
    assert not ends[1].poll()
    assert [json.loads(frame)["progress"] for frame in frames[: len(percents)]] == [
        ["reading", percent] for percent in percents
    ]
    assert Told.model_validate_json(frames[len(percents)]) == Told(
        metadata=METADATA, has_preview=has_preview
    )
    assert frames[len(percents) + 1 :] == [PREVIEW] * has_preview


def test_an_error_a_refusal_and_a_crash_are_told_apart(
    tmp_path: Path, ends: tuple[Connection, Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    def end_in_an_error(_: Subject) -> Description:
        raise catalogue.ImageLimitsExceeded(max_pixels=1, max_frames=2, note="wide")

    def refuse(_: Subject) -> Description:
        return Description(METADATA, refusal=catalogue.ActiveContent(note="a macro"))

    def crash(_: Subject) -> Description:
        raise ZeroDivisionError("a processor's own fault")

    frames = []
    for processor in (end_in_an_error, refuse, crash):
        describe_as(monkeypatch, processor)
        serve(ends[0], ASKED, open_file(tmp_path))
        frames += told(ends[1])

    error, refusal, fault = frames
    assert error.error
    assert error.error.model_dump() == {
        "code": "image_limits_exceeded",
        "meta": {"max_pixels": 1, "max_frames": 2},
        "note": "wide",
    }
    assert refusal.refusal
    assert (refusal.refusal.code, refusal.metadata) == (
        "active_content",
        METADATA,
    )
    assert fault.crash
    assert "ZeroDivisionError: a processor's own fault" in fault.crash


def test_the_end_of_a_long_traceback_is_told(
    tmp_path: Path, ends: tuple[Connection, Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(_: Subject) -> Description:
        raise RuntimeError("a" * 100_000 + "the end")

    describe_as(monkeypatch, crash)

    serve(ends[0], ASKED, open_file(tmp_path))

    (fault,) = told(ends[1])
    assert fault.crash
    assert fault.crash.endswith("the end\n")


def test_out_of_memory_it_leaves_without_a_word(
    tmp_path: Path, ends: tuple[Connection, Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[int] = []

    def run_out(_: Subject) -> Description:
        raise MemoryError

    describe_as(monkeypatch, run_out)
    monkeypatch.setattr(os, "_exit", left.append)

    serve(ends[0], ASKED, open_file(tmp_path))

    assert (left, told(ends[1])) == ([77], [])


def test_the_kernel_is_asked_to_end_it_with_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, ...]] = []

    class Library:
        prctl = staticmethod(lambda *arguments: asked.append(arguments))

    monkeypatch.setattr("ctypes.CDLL", lambda name: Library)

    end_with_parent()

    assert asked == [(1, signal.SIGKILL)]


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # it leaves its socket to its own end
def test_the_program_locks_its_door_before_it_says_that_it_is_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = socket.socketpair()
    done: list[object] = []
    nowhere: set[int] = set()

    def redirect(target: int, stream: int) -> None:
        nowhere.add(target)
        done.append(stream)

    monkeypatch.setattr(confinement, "end_with_parent", lambda: done.append("bound"))
    monkeypatch.setattr(confinement, "confine", done.append)
    # What it would do to its own three streams, this process would do to those of the tests.
    monkeypatch.setattr(os, "dup2", redirect)
    monkeypatch.setattr(sys, "argv", ["confined", str(theirs.detach()), "1024"])
    monkeypatch.delitem(sys.modules, "filesvc.confined")
    descriptor = open_file(tmp_path)
    socket.send_fds(ours, [ASKED.model_dump_json().encode()], [descriptor])
    ours.shutdown(socket.SHUT_WR)
    os.close(descriptor)

    runpy.run_module("filesvc.confined", run_name="__main__")

    with Connection(ours.detach()) as heard:
        frames = [Told.model_validate_json(heard.recv_bytes()) for _ in range(2)]
        with pytest.raises(EOFError):
            heard.recv_bytes()
    os.close(nowhere.pop())
    assert frames == [Told(is_ready=True), Told(metadata=METADATA)]
    assert (done, nowhere) == (["bound", 1024, 0, 1, 2], set())
