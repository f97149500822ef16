"""A real web server under clients that stall, rush or restart it, and a log nobody reads."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from django.core.cache import caches
from django.db import connections

from filesvc.blobs import prepare_storage
from security import circuit_breaker
from tests.client import upload
from tests.faults.living import Web, assert_kept, raw_upload, read_all, running_web, upload_to
from tests.faults.report import NOTHING, WHEN_OVER, Report
from tests.stack import wait_until
from tests.system.edge import edge, silent_server

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow_fault]

STALLED = 25
SOON_SECONDS = 1.0
DROPPED_SECONDS = 20.0  # nginx gives a header and each read of a body ten
RATE, AT_ONCE = 20, 8
PIPE_BYTES = 4096


@pytest.mark.fault(28, "fifty clients stall in a header or a body")
def test_clients_that_stall_hold_up_nobody_and_are_dropped(
    token: str, storage: Path, report: Report
) -> None:
    prepare_storage()
    request = raw_upload(token)
    with (
        running_web(storage) as web,
        edge(web.port, max_connections=200) as port,
        ExitStack() as all,
    ):
        stalled = []
        for end in [40] * STALLED + [len(request) - 20] * STALLED:
            client = all.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
            client.sendall(request[:end])
            stalled.append(client)
        times = []
        for _ in range(5):
            started = time.monotonic()
            answer = upload_to(f"http://127.0.0.1:{port}", token)
            times.append(time.monotonic() - started)
            assert answer.status_code == 201
        started = time.monotonic()
        for client in stalled:
            assert b"HTTP/1.1 2" not in read_all(client)
        took = time.monotonic() - started

    assert sorted(times)[2] < SOON_SECONDS
    assert took < DROPPED_SECONDS
    report(saw="dropped by the edge; others wait for nobody", left="nothing", repaired=NOTHING)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine three slow answers of Redis would have each process count for itself."""
    monkeypatch.setattr(circuit_breaker, "SLOW_SECONDS", 60.0)


def upload_at_once(token: str, count: int) -> list[int]:
    """The statuses of so many uploads of several threads."""

    def send(_: int) -> int:
        try:
            return upload(token, b"hello").status
        finally:
            connections.close_all()

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(send, range(count)))


@pytest.mark.fault(46, "uploads race for the last places of a limit")
@pytest.mark.usefixtures("patient")
def test_a_race_admits_no_more_than_the_limit(token: str, settings: Any, report: Report) -> None:
    settings.UPLOAD_RATE, settings.MAX_INFLIGHT_UPLOADS = f"{RATE}/d", 64
    caches["default"].clear()

    statuses = upload_at_once(token, 50)

    assert statuses.count(201) == RATE
    assert set(statuses) == {201, 429}
    report(saw="201 up to the limit, then 429 `rate_limited`", left="nothing")


@pytest.mark.fault(46, "uploads race across the edge of a window")
@pytest.mark.usefixtures("patient")
def test_each_window_admits_its_own_limit(token: str, settings: Any, report: Report) -> None:
    settings.UPLOAD_RATE, settings.MAX_INFLIGHT_UPLOADS = "5/s", 64
    started = time.time()

    statuses = upload_at_once(token, 200)

    windows = int(time.time()) - int(started) + 2  # they begin within a second, not on it
    assert set(statuses) == {201, 429}
    assert 5 <= statuses.count(201) <= 5 * windows
    report(saw="201 up to the limit of each window, then 429", left="nothing")


# --- restarts ----------------------------------------------------------------------------


@pytest.mark.fault(21, "the web processes are replaced under load")
def test_a_rolling_restart_fails_no_upload_for_good(
    token: str, storage: Path, report: Report
) -> None:
    ledger: dict[str, bytes] = {}
    statuses: set[int] = set()
    over = threading.Event()

    def send_on(web: Web, name: int) -> None:
        number = 0
        while not over.is_set():
            number += 1
            content, key = f"{name} {number}\n".encode(), uuid.uuid4().hex
            for _ in range(50):
                try:
                    answer = web.upload(token, content, key=key)
                except requests.ConnectionError:
                    continue  # a key makes that safe
                statuses.add(answer.status_code)
                if answer.status_code == 201:
                    ledger[answer.json()["id"]] = content
                    break

    with running_web(storage, workers=2) as web, ThreadPoolExecutor(4) as clients:
        sending = [clients.submit(send_on, web, name) for name in range(4)]
        try:
            for _ in range(2):
                before, count = web.workers(), len(ledger)
                os.kill(web.process.pid, signal.SIGHUP)
                wait_until(lambda: not before & web.workers(), 60, "all are replaced")  # noqa: B023
                wait_until(lambda: len(ledger) > count + 10, 60, "it serves")  # noqa: B023
        finally:
            over.set()
        for each in sending:
            each.result(60)

    assert statuses <= {201, 409, 503}
    assert_kept(ledger)
    report(saw="201, or 503 and then 201", left="row and bytes", repaired=NOTHING)


# --- what is told to nobody ----------------------------------------------------------------


@contextmanager
def blocked_pipe() -> Iterator[int]:
    """A pipe that is all but full, and that nobody reads."""
    reading, writing = os.pipe()
    room = fcntl.fcntl(writing, 1032)  # F_GETPIPE_SZ
    os.write(writing, bytes(room - PIPE_BYTES))
    try:
        yield writing
    finally:
        os.close(reading)
        os.close(writing)


@pytest.mark.fault(49, "nobody reads the log")
def test_a_log_nobody_reads_delays_no_answer(token: str, storage: Path, report: Report) -> None:
    with blocked_pipe() as pipe, running_web(storage, errors_to=pipe) as web:
        started = time.monotonic()
        answers = [web.upload(token) for _ in range(40)]
        took = time.monotonic() - started

    assert {answer.status_code for answer in answers} == {201}
    assert took < 40 * SOON_SECONDS
    report(saw="201, as fast as ever", left="lines that were dropped, counted", repaired=WHEN_OVER)


@pytest.mark.fault(49, "the error tracker swallows all")
def test_an_error_tracker_that_never_answers_delays_no_answer(
    token: str, storage: Path, report: Report
) -> None:
    with silent_server() as port:
        told: dict[str, Any] = {
            "SENTRY_DSN": f"http://key@127.0.0.1:{port}/1",
            "CLAMD_ADDRESS": "unix:/none",
        }
        with running_web(storage, **told) as web:
            started = time.monotonic()
            answers = [web.upload(token) for _ in range(20)]
            took = time.monotonic() - started

    assert {answer.json()["code"] for answer in answers} == {"scanner_unavailable"}
    assert took < 20 * SOON_SECONDS
    report(saw="the answer, as fast as ever", left="nothing", repaired=NOTHING)
