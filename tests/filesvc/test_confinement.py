"""What a confined process cannot do any more, tried one by one, and what it still can."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pyseccomp
import pytest

from filesvc.confinement import confine
from tests.filesvc.confined_acts import ACTS
from tests.stack import ROOT

CONTENT = "what is open"
HARMLESS = {"answer from what is open", "abort", "nothing"}
# Refused by a limit; all else is refused by the filter.
ENDS = {
    "let a file grow": f"OSError {errno.EFBIG}",
    "start a thread": "RuntimeError -",
    "take more memory": "MemoryError -",
    "use up descriptors": f"OSError {errno.EMFILE}",
}
Act = Callable[[str], "subprocess.CompletedProcess[str]"]


@pytest.fixture
def victim() -> Iterator[subprocess.Popen[bytes]]:
    """A process of the same user, to be left alone."""
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def try_to(tmp_path: Path, victim: subprocess.Popen[bytes]) -> Iterator[Act]:
    """Try one thing in a confined process."""
    path = tmp_path / "file"
    path.write_text(CONTENT)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def act(name: str) -> subprocess.CompletedProcess[str]:
            module = "tests.filesvc.confined_acts"
            command = [sys.executable, "-m", module, name, str(victim.pid), str(port), str(path)]
            return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)

        yield act


@pytest.mark.parametrize("name", sorted(set(ACTS) - HARMLESS))
def test_a_confined_process_cannot(
    try_to: Act, tmp_path: Path, victim: subprocess.Popen[bytes], name: str
) -> None:
    ended = try_to(name)

    assert (ended.stdout, ended.stderr) == (ENDS.get(name, f"PermissionError {errno.EPERM}"), "")
    assert victim.poll() is None
    left = {path.name: path.read_text() for path in tmp_path.iterdir() if path.is_file()}
    assert left == {"file": CONTENT, "written": ""}


def test_a_confined_process_reads_what_is_open_and_answers(try_to: Act) -> None:
    ended = try_to("answer from what is open")

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, CONTENT, "")


def test_a_confined_process_may_end_itself_and_leaves_no_core(try_to: Act, tmp_path: Path) -> None:
    assert try_to("abort").returncode == -signal.SIGABRT

    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == {"file", "written"}


def test_the_limits_and_the_filter_stand_in_the_kernels_own_words(
    victim: subprocess.Popen[bytes],
) -> None:
    program = (
        "import sys; from filesvc.confinement import confine; confine(2**29);"
        "sys.stdout.write('confined'); sys.stdout.flush(); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.read(8) == b"confined"
        folder = Path(f"/proc/{process.pid}")
        status = dict(
            line.split(":", 1) for line in (folder / "status").read_text().splitlines() if line
        )
        limits = {
            line[:25].strip(): line[25:].split()[:2]
            for line in (folder / "limits").read_text().splitlines()
        }
        process.kill()

    assert (status["Seccomp"].strip(), status["NoNewPrivs"].strip()) == ("2", "1")
    assert limits["Max address space"] == [str(2**29)] * 2
    assert limits["Max file size"] == limits["Max core file size"] == ["0", "0"]
    assert limits["Max open files"] == ["32", "32"]


@pytest.mark.parametrize("broken", ["load", "add_rule"])
def test_where_calls_cannot_be_filtered_nothing_is_confined(
    monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def fail(*args: object) -> None:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    # The limits of this very process must stay as they are.
    monkeypatch.setattr("resource.setrlimit", lambda what, limits: None)
    monkeypatch.setattr(pyseccomp.SyscallFilter, broken, fail)

    with pytest.raises(OSError, match="Invalid argument"):
        confine(2**29)
