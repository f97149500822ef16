"""The end of a server's process: nobody new is let in, whoever is there is served."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from config import stopping
from config.stopping import close_the_door
from tests.config.fresh import environment, run_python
from tests.stack import ROOT

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
