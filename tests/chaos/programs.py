"""The processes of a service under test: started, found, signalled by id, restarted."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG = 1
RESTART_SECONDS = 0.5
LOOK_SECONDS = 0.1


def wait_for(is_true: Callable[[], object], seconds: float) -> bool:
    """Ask until it is true, for so long at the most."""
    end = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def end_with_parent() -> None:
    """A killed run leaves no process behind: the kernel ends them when their parent is gone."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Program:
    """One supervised process; it leads a session of its own, by which its children are known."""

    name: str
    command: list[str]
    environment: dict[str, str]
    folder: Path
    log_path: Path
    user: str | None = None
    stop_signal: int = signal.SIGTERM
    stop_seconds: float = 45.0
    is_wanted: bool = False
    restarts: int = 0
    process: subprocess.Popen[bytes] | None = None
    # Sessions of earlier lives: what they left behind is ours too.
    sessions: set[int] = field(default_factory=set)
    died_at: float = 0.0

    def start(self) -> None:
        """Start it; whoever calls must outlive it, since the kernel asks for the parent thread."""
        self.is_wanted = True
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self.user,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
        self.sessions.add(self.process.pid)

    @property
    def pid(self) -> int:
        """The process that was started last."""
        return self.process.pid if self.process else 0

    @property
    def is_running(self) -> bool:
        """Whether the process that was started last is alive."""
        return self.process is not None and self.process.poll() is None

    def members(self, mark: str = "") -> list[int]:
        """Its live processes, those of earlier lives too, whose command line has the mark."""
        ours = [pid for pid in live_processes() if stat_of(pid)[2] in self.sessions]
        return [pid for pid in {*ours, *self.children()} if mark in command_of(pid)]

    def children(self, mark: str = "") -> list[int]:
        """Its own children, without itself; those of PostgreSQL lead sessions of their own."""
        if not self.is_running:
            return []
        children = [pid for pid in live_processes() if stat_of(pid)[1] == self.pid]
        return [pid for pid in children if mark in command_of(pid)]

    def send(self, number: int) -> None:
        """Signal the process itself."""
        send(self.pid, number)

    def stop(self) -> None:
        """End it for good: as its supervisor would, then the hard way, and all it left behind."""
        self.is_wanted = False
        if self.process is not None:
            for pid in self.members():
                send(pid, signal.SIGCONT)
            self.send(self.stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(self.stop_seconds)
        wait_for(self._nothing_is_left, 15)
        if self.process is not None:
            self.process.wait()
        self.process = None

    def _nothing_is_left(self) -> bool:
        left = self.members()
        for pid in left:
            send(pid, signal.SIGKILL)
        return not left


class Supervisor:
    """Restarts what died and is wanted, as the service's own supervisor does."""

    def __init__(self, programs: list[Program]) -> None:
        self.programs = programs
        self._over = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._orders: list[Program] = []

    def __enter__(self) -> Supervisor:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def start(self, program: Program) -> None:
        """Have it started by the thread that lives as long as it may."""
        program.is_wanted, program.died_at = True, -RESTART_SECONDS
        wait_for(lambda: program.is_running, 30)

    def _watch(self) -> None:
        """Starts and restarts; at the end it ends them all, since they end with this thread."""
        while not self._over.wait(LOOK_SECONDS):
            for program in self.programs:
                self._look_after(program)
        for program in self.programs:
            program.is_wanted = False
        for program in reversed(self.programs):
            program.stop()

    def _look_after(self, program: Program) -> None:
        if not program.is_wanted or program.is_running:
            return
        now = time.monotonic()
        if program.process is not None and not program.died_at:
            program.died_at, program.restarts = now, program.restarts + 1
        if now - program.died_at >= RESTART_SECONDS:
            program.died_at = 0.0
            program.start()


def send(pid: int, number: int) -> None:
    """Signal one process by its id, which may be gone by now."""
    if pid > 1:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def live_processes() -> list[int]:
    """The ids of all processes that are not zombies."""
    pids = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    return [pid for pid in pids if stat_of(pid)[0] not in ("Z", "X", "")]


def stat_of(pid: int) -> tuple[str, int, int]:
    """State, parent and session of a process; an empty state when it is gone."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "", 0, 0
    return told[0], int(told[1]), int(told[3])


def command_of(pid: int) -> str:
    """The command line of a process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (OSError, UnicodeDecodeError):
        return ""
