"""Writes log lines without blocking: lines that nobody reads are dropped, no request waits."""

from __future__ import annotations

import json
import logging
import os
import queue
import threading
from typing import TextIO

# About ten minutes of a busy process.
MAX_LINES = 10_000
FLUSH_SECONDS = 1.0


class PatientHandler(logging.Handler):
    """A thread does the writing, which a full pipe would hold up for ever (measured).

    What finds no room any more is dropped, and its number told once there is.
    """

    def __init__(self, stream: TextIO, max_lines: int = MAX_LINES) -> None:
        super().__init__()
        self._stream = stream
        self._max_lines = max_lines
        self._begin_anew()
        # A thread does not outlive a fork, and the queue's locks may be held by one that did not.
        os.register_at_fork(after_in_child=self._begin_anew)

    def _begin_anew(self) -> None:
        self._lines: queue.Queue[str] = queue.Queue(self._max_lines)
        self._starting = threading.Lock()
        self._writer: threading.Thread | None = None
        self._dropped = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Hand the line over."""
        try:
            self._lines.put_nowait(self.format(record))
            if self._writer is None:
                self._start_writer()
        except queue.Full:
            self._dropped += 1
        except Exception:  # noqa: BLE001 - as every handler does: a log line ends no request
            self.handleError(record)

    def flush(self) -> None:
        """Wait until all is written, but not for long."""
        with self._lines.all_tasks_done:
            self._lines.all_tasks_done.wait_for(
                lambda: not self._lines.unfinished_tasks, FLUSH_SECONDS
            )

    def _start_writer(self) -> None:
        with self._starting:
            if self._writer is None:
                self._writer = threading.Thread(target=self._write, name="log", daemon=True)
                self._writer.start()

    def _write(self) -> None:
        lines = self._lines
        while True:
            line = lines.get()
            dropped, self._dropped = self._dropped, 0
            try:
                self._stream.write(f"{line}\n{tell_dropped(dropped)}")
                self._stream.flush()
            except (OSError, ValueError):  # nobody is there to be told
                self._dropped += dropped + 1
            lines.task_done()


def tell_dropped(count: int) -> str:
    """A line of its own, in the form of the others; empty when nothing was dropped."""
    told = {"event": "log.dropped", "level": "warning", "count": count}
    return json.dumps(told) + "\n" if count else ""
