"""Log lines leave in their order, hold nobody up, and are counted when they cannot leave."""

from __future__ import annotations

import io
import json
import logging
import os
import threading

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
