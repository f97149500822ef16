"""Log lines leave in their order, hold nobody up, and are counted when they cannot leave."""

from __future__ import annotations

import io
import json
import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from config.log_stream import PatientHandler
from tests.stack import wait_until


class Stuck(io.StringIO):
    """A pipe nobody reads, until somebody does."""

    def __init__(self) -> None:
        super().__init__()
        self.is_read = threading.Event()
        self.is_asked = threading.Event()

    def write(self, text: str) -> int:
        self.is_asked.set()
        assert self.is_read.wait(60)
        return super().write(text)


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("test", logging.INFO, __file__, 1, text, None, None)


def test_lines_arrive_in_their_order() -> None:
    stream = io.StringIO()
    handler = PatientHandler(stream)

    for number in range(1000):
        handler.emit(record(str(number)))
    handler.flush()

    assert stream.getvalue().split() == [str(number) for number in range(1000)]


def test_a_stream_that_takes_nothing_costs_lines_and_tells_how_many() -> None:
    stream = Stuck()
    handler = PatientHandler(stream, max_lines=10)
    handler.emit(record("first"))
    assert stream.is_asked.wait(60)

    for number in range(100):
        handler.emit(record(str(number)))
    stream.is_read.set()
    wait_until(lambda: "9\n" in stream.getvalue(), 20, "what waited is written")
    handler.flush()

    lines = stream.getvalue().splitlines()
    told = [json.loads(line) for line in lines if "log.dropped" in line]
    assert [line["count"] for line in told] == [90]
    assert [line for line in lines if line.isdigit()] == [str(number) for number in range(10)]


class Closing(io.StringIO):
    """Nobody is there at first."""

    failures = 3

    def write(self, text: str) -> int:
        if self.failures:
            self.failures -= 1
            raise BrokenPipeError
        return super().write(text)


def test_a_stream_without_a_reader_ends_nothing_and_is_tried_again() -> None:
    stream = Closing()
    handler = PatientHandler(stream)

    for number in range(5):
        handler.emit(record(str(number)))
    handler.flush()

    lines = stream.getvalue().splitlines()
    assert (lines[0], lines[-1]) == ("3", "4")
    assert json.loads(lines[1])["count"] == 3


def test_a_forked_process_writes_its_own_lines() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        handler = PatientHandler(stream)
        handler.emit(record("parent"))
        handler.flush()
        child = os.fork()
        if child == 0:
            handler.emit(record("child"))
            handler.flush()
            os._exit(0)
        os.waitpid(child, 0)
    with os.fdopen(reading) as told:
        assert told.read() == "parent\nchild\n"


class Together:
    """A lock that two threads ask for before one of them gets it."""

    def __init__(self) -> None:
        self._asked = threading.Barrier(2)
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._asked.wait(60)
        self._lock.acquire()

    def __exit__(self, *_: Any) -> None:
        self._lock.release()


def test_two_threads_that_log_first_at_once_start_one_writer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[str] = []
    start = threading.Thread.start

    def note(thread: threading.Thread) -> None:
        started.append(thread.name)
        start(thread)

    stream = io.StringIO()
    handler = PatientHandler(stream)
    monkeypatch.setattr(handler, "_starting", Together())
    monkeypatch.setattr(threading.Thread, "start", note)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(handler.emit, [record("one"), record("two")]))
    handler.flush()

    assert started.count("log") == 1
    assert sorted(stream.getvalue().split()) == ["one", "two"]


def test_a_line_that_cannot_be_made_ends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    handler = PatientHandler(stream)
    broken = logging.LogRecord("test", logging.INFO, __file__, 1, "%d files", ("no",), None)

    handler.emit(broken)
    handler.emit(record("the next"))
    handler.flush()

    assert stream.getvalue() == "the next\n"
    assert "--- Logging error ---" in capsys.readouterr().err
