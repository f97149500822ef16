"""Lets system calls of a running process fail, or end it, as the n-th of them is made."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack import wait_until


@contextlib.contextmanager
def injected(pid: int, call: str, harm: str, folder: Path) -> Iterator[Path]:
    """`harm` is in strace's own words, like `error=EIO` or `signal=KILL:when=2`.

    Yields the file with the calls that were made. Each thread counts its own calls.
    """
    tracer = shutil.which("strace")
    if tracer is None:
        pytest.skip("strace is not installed")
    made, told = folder / "calls.txt", folder / "strace.txt"
    command = [tracer, "-f", "-p", str(pid), "-o", str(made), "-e", f"trace={call}"]
    with told.open("wb") as output:
        process = subprocess.Popen(
            [*command, "-e", f"inject={call}:{harm}"], stdout=output, stderr=output
        )
    try:
        wait_until(
            lambda: "attached" in told.read_text() or process.poll() is not None, 20, "attached"
        )
        if process.poll() is not None:
            pytest.skip(f"no process may be traced here: {told.read_text().strip()}")
        yield made
    finally:
        end_tracer(process)


def end_tracer(process: subprocess.Popen[bytes]) -> None:
    """It may wait for ever for the last word of a process it ended itself (measured)."""
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=20)
