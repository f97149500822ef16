"""Processes a test started, and those they started: found in /proc, ended together."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.stack import wait_until


def end(process: subprocess.Popen[bytes], seconds: float = 15) -> None:
    """TERM, and KILL to all of its session when that does not help."""
    process.terminate()
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        kill_session(process)


def kill_session(process: subprocess.Popen[bytes]) -> None:
    """End it and all it has started, without a word."""
    for pid in [*session_of(process.pid), process.pid]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()
    wait_until(lambda: not session_of(process.pid), 10, "nothing of it is left")


def processes() -> Iterator[tuple[int, str, int, int]]:
    """Each process with its state, parent and session, as the kernel tells them."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            words = (folder / "stat").read_text().rpartition(")")[2].split()
            yield int(folder.name), words[0], int(words[1]), int(words[3])


def children_of(parent: int) -> set[int]:
    """Its live children."""
    return {
        pid for pid, state, its_parent, _ in processes() if its_parent == parent and state != "Z"
    }


def command_of(pid: int) -> bytes:
    """Its command line; none when it is gone."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def session_of(leader: int) -> list[int]:
    """Whatever still runs of what it started."""
    return [pid for pid, state, _, session in processes() if session == leader and state != "Z"]
