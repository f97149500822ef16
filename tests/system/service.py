"""A whole service in a clone of its own, started by `make run` as a person would start it.

Black box: nothing of the product is imported here.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parent.parent.parent
READY_SECONDS = 60.0
STOP_SECONDS = 60.0


def wait_until(is_true: Callable[[], Any], seconds: float, what: str) -> None:
    """Ask until it is true."""
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Service:
    """One clone and what runs in it."""

    root: Path
    port: int
    settings: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        """What `make run` has printed."""
        return (self.root / "make-run.txt").read_text()

    def start(self) -> float:
        """`make run`, until it says that it is ready; returns the seconds that took."""
        began = time.monotonic()
        environment = {key: value for key, value in os.environ.items() if key not in FOREIGN}
        environment |= {"SIGNATURE_UPDATES": "false", "PORT": str(self.port), **self.settings}
        with (self.root / "make-run.txt").open("wb") as output:
            self.process = subprocess.Popen(
                ["make", "run"],
                cwd=self.root,
                env=environment,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        process = self.process
        wait_until(
            lambda: "filesvc is ready" in self.output or process.poll() is not None,
            READY_SECONDS,
            "make run is ready",
        )
        assert process.poll() is None, self.output
        return time.monotonic() - began

    def stop(self, number: int = signal.SIGTERM) -> float:
        """End it as a person would; returns the seconds until the last process was gone."""
        began = time.monotonic()
        if self.process is not None:
            # Ctrl-C reaches the whole foreground group, TERM the process that was started.
            send = os.killpg if number == signal.SIGINT else os.kill
            with contextlib.suppress(ProcessLookupError):
                send(self.process.pid, number)
            self.process.wait(timeout=STOP_SECONDS)
            self.process = None
        wait_until(lambda: not self.processes(), STOP_SECONDS, "every process is gone")
        return time.monotonic() - began

    def processes(self) -> dict[int, str]:
        """Live processes of this clone: id and command line."""
        found = {}
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if f"{self.root}/" in command:
                    found[int(path.name)] = command
        return found

    def pid_of(self, program: str) -> int:
        """The id of a supervised program, or of `supervisord` itself."""
        return int((self.root / "var/run" / f"{program}.pid").read_text())

    def control(self, *words: str) -> None:
        """Ask the supervisor."""
        subprocess.run(
            [
                ".venv/bin/supervisorctl",
                "-s",
                f"unix://{self.root}/var/run/supervisor.sock",
                *words,
            ],
            cwd=self.root,
            check=True,
            capture_output=True,
        )

    def manage(self, *words: str) -> str:
        """`manage.py` in a second shell, with nothing but its own settings files."""
        environment = {key: value for key, value in os.environ.items() if key not in FOREIGN}
        told = subprocess.run(
            [".venv/bin/python", "manage.py", *words],
            cwd=self.root,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        return told.stdout

    def issue_token(self, name: str = "alice", *options: str) -> str:
        """A fresh token, as an operator makes one."""
        return self.manage("issue_token", name, *options).strip()

    def upload(self, token: str | None, content: Any, name: str, **more: Any) -> requests.Response:
        """POST one file."""
        return requests.post(
            f"{self.url}/upload/",
            files={"file": (name, content)},
            headers=bearer(token),
            timeout=120,
            **more,
        )

    def get(self, token: str | None, path: str, **more: Any) -> requests.Response:
        """GET a path."""
        return requests.get(f"{self.url}{path}", headers=bearer(token), timeout=30, **more)

    def is_ready(self) -> bool:
        """Whether /health/ready says so."""
        try:
            return requests.get(f"{self.url}/health/ready", timeout=5).ok
        except requests.ConnectionError:
            return False

    def kept_files(self) -> list[Path]:
        """Every file in the store, staged ones too."""
        return [path for path in (self.root / "var/storage").rglob("*") if path.is_file()]


def bearer(token: str | None) -> dict[str, str]:
    """The Authorization header, or none."""
    return {"Authorization": f"Bearer {token}"} if token else {}


# What the suite sets for itself must not reach the service under test.
FOREIGN = {
    *re.findall(r"(?m)^#? ?([A-Z_]+)=", (ROOT / ".env.example").read_text()),
    "FILESVC_ENV_FILES",
    "DJANGO_SETTINGS_MODULE",
    "MAKEFLAGS",
    "MFLAGS",
    "MAKELEVEL",
    "PORT",
}


@contextlib.contextmanager
def cloned(**settings: str) -> Iterator[Service]:
    """A fresh copy of the working tree with an empty `var/`; only `.venv` is shared."""
    root = Path(tempfile.mkdtemp(prefix="filesvc-system-", dir="/tmp"))
    told = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in told.stdout.splitlines():
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)
    (root / ".venv").symlink_to(ROOT / ".venv")
    service = Service(root, free_port(), settings)
    try:
        yield service
    finally:
        with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
            service.stop()
        for pid in service.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(root, ignore_errors=True)
