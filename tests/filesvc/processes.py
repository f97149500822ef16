"""What a process that runs beside the test must be told, and how a worker is one."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from django.db import connection

from tests import stack

QUIET = ["--without-gossip", "--without-mingle", "--without-heartbeat"]


def database_url() -> str:
    """The database of this test, for another process."""
    name = str(connection.settings_dict["NAME"])
    server, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    return f"sqlite:///{name}" if connection.vendor == "sqlite" else f"{server}/{name}"


@contextlib.contextmanager
def running_worker(
    storage: Path, application: str = "config.celery", concurrency: int = 1, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A Celery worker in a session of its own; TERM ends it, and all of it is gone afterwards."""
    told = {"DATABASE_URL": database_url(), "STORAGE_ROOT": str(storage), **environment}
    command = ["-m", "celery", "--quiet", "-A", application, "worker"]
    with (storage.parent / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *command, "--concurrency", str(concurrency), *QUIET],
            env=os.environ | told,
            cwd=stack.ROOT,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
