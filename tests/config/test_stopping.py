"""The end of a server's process: nobody new is let in, whoever is there is served."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import NoReturn

import pytest

from config import stopping
from config.stopping import close_the_door, stop_in_order, wait_for_the_end
from tests.config.fresh import environment, run_python
from tests.stack import ROOT, wait_until

# Stands for a server: it starts a process that listens, and accepts only when told to stop.
SERVER = """
import multiprocessing, os, signal, socket, sys

def serve():
    from config.stopping import stop_in_order
    stop_in_order()
    if sys.argv[1] == "listen":
        listening = socket.create_server(("127.0.0.1", 0))
        number = listening.getsockname()[1]
    else:
        number = 0
    signal.signal(signal.SIGINT, lambda *_: None)
    print(os.getpid(), number, flush=True)
    signal.pause()
    print("told", flush=True)
    client, _ = listening.accept()
    client.sendall(client.recv(100).upper())

process = multiprocessing.get_context("fork").Process(target=serve)
process.start()
process.join()
print("ended", process.exitcode, flush=True)
"""


@contextmanager
def server(how: str) -> Iterator[subprocess.Popen[str]]:
    """Running; what it prints can be read line by line."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, how],
        env=environment(),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def filters() -> None:
    """Kernels that leave packet filters to root are met in containers (measured: EPERM)."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        code = ctypes.create_string_buffer(stopping.DROP_ALL)
        program = struct.pack("HL", 1, ctypes.addressof(code))
        try:
            listening.setsockopt(socket.SOL_SOCKET, stopping.SO_ATTACH_FILTER, program)
        except PermissionError:
            pytest.skip("this kernel lets only root drop connections")


def next_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.usefixtures("filters")
def test_who_connected_before_the_end_is_served_and_nobody_new_is_let_in() -> None:
    with server("listen") as running:
        pid, port = (int(word) for word in next_line(running).split())
        with socket.create_connection(("127.0.0.1", port), timeout=20) as early:
            os.kill(pid, signal.SIGTERM)
            assert next_line(running) == "told"

            # Not refused: it tries again until the server is gone, and is refused then.
            with pytest.raises(TimeoutError):
                socket.create_connection(("127.0.0.1", port), timeout=0.3)
            early.sendall(b"hello")
            assert early.recv(100) == b"HELLO"
        assert next_line(running) == "ended 0"


@pytest.mark.usefixtures("filters")
def test_a_closed_door_lets_nobody_in_and_whoever_waits_there_is_let_in() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    with listening, socket.create_connection(listening.getsockname()) as early:
        close_the_door([listening.dup()])

        with pytest.raises(TimeoutError):
            socket.create_connection(listening.getsockname(), timeout=0.3)
        accepted, _ = listening.accept()
        with accepted:
            early.sendall(b"hello")
            assert accepted.recv(100) == b"hello"


def test_a_kernel_without_filters_keeps_the_door_open_and_ends_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stopping, "SO_ATTACH_FILTER", -1)
    listening = socket.create_server(("127.0.0.1", 0))

    with listening:
        close_the_door([listening.dup()])

        socket.create_connection(listening.getsockname(), timeout=5).close()


def test_a_process_that_never_listened_ends_at_once() -> None:
    with server("start") as running:
        pid, _ = (int(word) for word in next_line(running).split())
        os.kill(pid, signal.SIGTERM)

        assert next_line(running) == "ended 0"


def test_a_process_that_no_server_started_keeps_its_own_way_to_end() -> None:
    ran = run_python(
        "-c",
        "import signal, threading; from config.stopping import stop_in_order; stop_in_order();"
        "print(signal.pthread_sigmask(signal.SIG_BLOCK, ()), threading.active_count())",
    )

    assert ran.stdout.strip() == "set() 1"


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happens to this process on TERM, in its order; it outlives it."""
    told: list[str] = []

    def leave(status: int) -> NoReturn:
        raise SystemExit(status)

    monkeypatch.setattr(signal, "sigwait", lambda _: told.append("told"))
    monkeypatch.setattr(stopping, "close_the_door", lambda _: told.append("door"))
    monkeypatch.setattr(time, "sleep", lambda seconds: told.append(f"{seconds} s"))
    monkeypatch.setattr(os, "kill", lambda pid, number: told.append(f"{pid} {number}"))
    monkeypatch.setattr(os, "_exit", leave)
    return told


def test_the_server_is_interrupted_only_after_what_was_accepted_could_be_read(
    steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        monkeypatch.setattr(stopping, "listening_sockets", lambda: iter([listening]))

        wait_for_the_end()

    assert steps == ["told", "door", "0.25 s", f"{os.getpid()} {int(signal.SIGINT)}"]


def test_who_never_listened_waits_for_nobody(
    steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping, "listening_sockets", lambda: iter([]))

    with pytest.raises(SystemExit, match="^0$"):
        wait_for_the_end()

    assert steps == ["told"]


def test_what_a_server_started_leaves_its_end_to_a_thread_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blocked: list[set[int]] = []
    look = partial(signal.pthread_sigmask, signal.SIG_BLOCK, ())
    monkeypatch.setattr(stopping, "wait_for_the_end", lambda: blocked.append({*look()}))
    monkeypatch.setattr(multiprocessing, "parent_process", threading.current_thread)
    before = look()

    try:
        stop_in_order()
        wait_until(lambda: bool(blocked), 20, "the thread has begun")

        assert signal.SIGTERM in blocked[0] & {*look()}, "no thread is ended by it"
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
