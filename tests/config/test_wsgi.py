"""The process behind the server: ready after its import, and gone when its server is."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from config.wsgi import end_with_parent
from tests.config.fresh import environment, run_python
from tests.stack import ROOT

# Stands for the server's main process: it starts the worker and waits for it.
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
WORKER = """
import os, signal
import config.wsgi

def told(number, frame):
    os.write(1, b"TERM\\n")
    os._exit(0)

signal.signal(signal.SIGTERM, told)
os.write(1, b"ready\\n")
while True:
    signal.pause()
"""


def test_a_worker_whose_server_was_killed_is_told_to_stop(tmp_path: Path) -> None:
    server = subprocess.Popen(
        [sys.executable, "-c", PARENT, WORKER],
        env=environment(STORAGE_ROOT=str(tmp_path)),
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    try:
        assert read_line(server) == b"ready\n"
    finally:
        server.kill()
        server.wait()
    assert read_line(server) == b"TERM\n"
    # The end of the pipe: nobody is left to write to it.
    assert read_line(server) == b""
    server.stdout.close()  # type: ignore[union-attr]  # it is a pipe


def read_line(process: subprocess.Popen[bytes]) -> bytes:
    """The next line of its output, or b"" at the end."""
    assert process.stdout is not None
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([process.stdout], [], [], 30)
        assert ready, "nothing within 30 s"
        piece = os.read(process.stdout.fileno(), 1)
        if not piece:
            break
        line += piece
    return line


def test_a_worker_keeps_on_while_its_server_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    parents, killed = iter([77, 77, 77, 1]), []
    monkeypatch.setattr(os, "kill", lambda *told: killed.append(told))

    end_with_parent(77, check_seconds=0, ask_parent=lambda: next(parents))

    assert list(parents) == []
    assert killed == [(os.getpid(), signal.SIGTERM)]


def test_importing_it_prepares_the_store_and_claims_the_tasks(tmp_path: Path) -> None:
    ran = run_python(
        "-c",
        "import config.wsgi, filesvc.tasks; print(filesvc.tasks.process_file.app.main)",
        STORAGE_ROOT=str(tmp_path / "store"),
    )

    assert ran.stdout == "filesvc\n", ran.stderr
    assert (tmp_path / "store").is_dir()


def test_a_store_that_cannot_be_made_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file where the folder should be")

    ran = run_python("-c", "import config.wsgi", STORAGE_ROOT=str(tmp_path / "store"))

    assert ran.returncode != 0
