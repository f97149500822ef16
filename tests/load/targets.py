"""Service and plain solution behind the same server, PostgreSQL, Redis and clamd."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import requests

from tests import stack
from tests.process_tree import end, session_of
from tests.system.service import free_port

WORKERS, THREADS = 2, 16
SERVER = [
    *("--interface", "wsgi", "--http", "1", "--no-ws", "--host", "127.0.0.1"),
    *("--blocking-threads", str(THREADS)),
    *("--backlog", "4096", "--backpressure", "2048", "--log-level", "error"),
]
DATABASE_FOLDER = stack.RUN_DIR / "pg"
# High enough that no measured request is refused; each is still counted and checked.
LIMITS = {
    "UPLOAD_RATE": "100000000/m",
    "MAX_INFLIGHT_UPLOADS": "256",
    "MAX_BACKLOG_FILES": "100000000",
    "LOG_LEVEL": "WARNING",
    "MAX_UPLOAD_BYTES": str(1024**3),
    "SCAN_TIMEOUT_SECONDS": "60",
    "REQUEST_TIMEOUT_SECONDS": "90",
    "MIN_FREE_BYTES": str(1024**3),
}


@dataclass
class Target:
    """A server under measurement, and how it is emptied between two turns."""

    name: str
    port: int
    token: str
    database: str
    table: str
    storage: Path
    process: subprocess.Popen[bytes] = field(repr=False)
    told: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/upload/"

    @property
    def pids(self) -> list[int]:
        """All of its processes."""
        return session_of(self.process.pid)

    def ask(self, query: str) -> int:
        """One number from its database."""
        with connect(self.database) as connection:
            row = connection.execute(query.encode()).fetchone()
        return int(str(row[0])) if row else 0

    def count(self) -> int:
        """Rows it keeps."""
        return self.ask(f"SELECT count(*) FROM {self.table}")  # noqa: S608 - our own name

    @property
    def unfinished(self) -> int:
        """Files the worker has still to do."""
        return self.ask("SELECT count(*) FROM filesvc_file WHERE status IN ('queued','processing')")

    def clean(self) -> None:
        """No rows, no bytes, no tasks: each turn starts alike."""
        with connect(self.database) as connection:
            connection.execute(f"TRUNCATE {self.table} CASCADE".encode())
            connection.execute(b"CHECKPOINT")
        for path in self.storage.rglob("*"):
            if path.is_file():
                path.unlink()
        subprocess.run(
            ["redis-cli", "-s", str(stack.RUN_DIR / "redis.sock"), "flushall"],
            check=True,
            capture_output=True,
        )
        os.sync()


def connect(database: str) -> psycopg.Connection[tuple[object, ...]]:
    """A connection of our own to one of the databases."""
    return psycopg.connect(
        host=str(DATABASE_FOLDER), user="postgres", dbname=database, autocommit=True
    )


@contextlib.contextmanager
def running_backends() -> Iterator[None]:
    """Redis, clamd, and a PostgreSQL that commits durably. A TERM ends them and what uses them."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    makers = (stack.make_redis, stack.make_clamd, lambda: stack.make_postgresql(is_durable=True))
    try:
        for make in makers:
            server = make()
            server.start()
            stack.SERVERS[server.name] = server
        yield
    finally:
        stack.stop_all()


def address_of(database: str) -> str:
    """Its URL."""
    return f"postgres://postgres@{str(DATABASE_FOLDER).replace('/', '%2F')}/{database}"


@contextlib.contextmanager
def running_baseline(folder: Path) -> Iterator[Target]:
    """The plain solution, with its tables made."""
    told = {
        "DJANGO_SETTINGS_MODULE": "tests.load.baseline.settings",
        "BASELINE_DATABASE_URL": address_of("baseline"),
        "BASELINE_STORAGE_ROOT": str(folder / "baseline"),
    }
    make_database("baseline", told)
    with serving("tests.load.baseline.wsgi:application", told) as (port, process):
        yield Target(
            "baseline", port, "", "baseline", "baseline_upload", folder / "baseline", process
        )


@contextlib.contextmanager
def running_service(folder: Path, **settings: str) -> Iterator[Target]:
    """The service with every gate on, and a token."""
    told = {
        **LIMITS,
        "DATABASE_URL": address_of("service"),
        "STORAGE_ROOT": str(folder / "service"),
        "WEB_THREADS": str(THREADS),
        **settings,
    }
    make_database("service", told)
    token = manage(told, "issue_token", "load").strip().splitlines()[-1]
    with serving("config.wsgi:application", told) as (port, process):
        yield Target(
            "service", port, token, "service", "filesvc_file", folder / "service", process, told
        )


def make_database(name: str, told: dict[str, str]) -> None:
    """A database with the tables of the settings in force."""
    with connect("postgres") as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}".encode())
        connection.execute(f"CREATE DATABASE {name}".encode())
    manage(told, "migrate", "--run-syncdb", "--verbosity=0")


def manage(told: dict[str, str], *arguments: str) -> str:
    """What a management command prints."""
    done = subprocess.run(
        [sys.executable, "-m", "django", *arguments],
        env=os.environ | {"PYTHONPATH": str(stack.ROOT)} | told,
        cwd=stack.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextlib.contextmanager
def serving(
    application: str, told: dict[str, str]
) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """The application behind granian, until it answers anything at all."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("granian")), *SERVER, "--port", str(port)]
    command += ["--workers", told.get("WEB_WORKERS", str(WORKERS))]
    metrics = stack.RUN_DIR / f"metrics-{port}"
    metrics.mkdir()
    with (stack.RUN_DIR / f"web-{port}.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, application],
            env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(metrics)} | told,
            cwd=stack.ROOT,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        stack.wait_until(lambda: answers(port), 60, f"{application} answers")
        yield port, process
    finally:
        end(process)
        shutil.rmtree(metrics, ignore_errors=True)


def answers(port: int) -> bool:
    """Whether somebody speaks HTTP there."""
    with contextlib.suppress(requests.RequestException):
        requests.get(f"http://127.0.0.1:{port}/files/", timeout=5)
        return True
    return False
