"""The service by itself, as programs measure it: its worker, its edge, and files it keeps."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests import stack
from tests.filesvc.processes import QUIET
from tests.load.targets import (
    LIMITS,
    WORKERS,
    Target,
    connect,
    running_backends,
    running_baseline,
    running_service,
)
from tests.process_tree import end
from tests.system.edge import ITS_ADDRESS, edge

# nginx sends kept files itself once the service knows it by its address.
BEHIND_EDGE = {"ACCEL_LOCATION": "/__kept/", "TRUSTED_PROXIES": f"{ITS_ADDRESS}/32"}
MAX_BODY_BYTES, MAX_CONNECTIONS = 1024**3, 4000


@contextlib.contextmanager
def running_alone(**settings: str) -> Iterator[Target]:
    """The service with servers of its own."""
    with prepared() as folder, running_service(folder, **settings) as service:
        yield service


@contextlib.contextmanager
def running_both() -> Iterator[tuple[Target, Target]]:
    """The plain solution and the service on the same servers."""
    with (
        prepared() as folder,
        running_baseline(folder) as baseline,
        running_service(folder) as service,
    ):
        yield baseline, service


@contextlib.contextmanager
def prepared() -> Iterator[Path]:
    """The servers, and a folder on a real disk for what is kept."""
    os.environ.update(LIMITS)  # clamd's configuration is written from the settings
    with (
        tempfile.TemporaryDirectory(prefix="filesvc-load-", dir="/var/tmp") as name,
        running_backends(),
    ):
        yield Path(name)


@contextlib.contextmanager
def running_celery(service: Target, processes: int = WORKERS) -> Iterator[subprocess.Popen[bytes]]:
    """The service's own worker with so many processes."""
    command = [*("-m", "celery", "--quiet", "-A", "config.celery", "worker"), *QUIET]
    with (stack.RUN_DIR / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, *command, "--concurrency", str(processes)],
            env=os.environ | service.told,
            cwd=stack.ROOT,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        end(process)


@contextlib.contextmanager
def behind_edge(service: Target, *more_ports: int) -> Iterator[int]:
    """nginx with the product's own template; it may read the store."""
    with edge(
        service.port,
        more_ports=more_ports,
        max_connections=MAX_CONNECTIONS,
        max_body_bytes=MAX_BODY_BYTES,
        storage=service.storage,
    ) as port:
        yield port


def wait_processed(service: Target, seconds: float) -> None:
    """Until the worker has nothing left; a file that failed ends the run."""
    stack.wait_until(lambda: not service.unfinished, seconds, "every file is done")
    failed = service.ask("SELECT count(*) FROM filesvc_file WHERE NOT processed")
    assert failed == 0, f"{failed} files were not processed"


def mark_processed(service: Target) -> None:
    """Whatever it keeps may be downloaded, without a worker."""
    with connect(service.database) as connection:
        connection.execute(
            b"UPDATE filesvc_file SET processed = true, status = 'processed', processed_at = now()"
        )
