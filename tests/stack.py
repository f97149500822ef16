"""The real services the suite works with: Redis, PostgreSQL and clamd on private sockets.

A pytest plugin (`-p tests.stack`): importing it sets the environment before Django reads it,
the session starts the servers, its end stops them. Nothing already running is touched.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Short on purpose: a Unix socket path may have 107 characters.
RUN_DIR = Path(tempfile.mkdtemp(prefix="filesvc-test-", dir="/tmp"))
START_SECONDS = 60.0
DATABASE = os.environ.get("TEST_DATABASE", "postgresql")

DATABASE_URLS = {
    "postgresql": f"postgres://postgres@{str(RUN_DIR / 'pg').replace('/', '%2F')}/postgres",
    "sqlite": f"sqlite:///{RUN_DIR}/db.sqlite3",
}

os.environ.update(
    FILESVC_ENV_FILES="",
    DJANGO_SETTINGS_MODULE="config.settings",
    SECRET_KEY="only-for-tests-" + "x" * 32,
    DATABASE_URL=DATABASE_URLS[DATABASE],
    BROKER_URL=f"redis+socket://{RUN_DIR}/redis.sock?virtual_host=0",
    CACHE_URL=f"unix://{RUN_DIR}/redis.sock?db=1",
    CLAMD_ADDRESS=f"unix:{RUN_DIR}/clamd.sock",
    STORAGE_ROOT=str(RUN_DIR / "storage"),
    ALLOWED_HOSTS="testserver,127.0.0.1,localhost",
    UPLOAD_RATE="1000000/m",
    AUTH_FAILURE_RATE="1000000/m",
    SIGNATURE_UPDATES="false",
)


@dataclass
class Server:
    """One started server: how it is run, and how it is known to be ready."""

    name: str
    command: list[str]
    is_ready: Callable[[], bool]
    user: str | None = None
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (RUN_DIR / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdout=log,
                stderr=log,
                user=self.user,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
        wait_until(self.is_ready, START_SECONDS, f"{self.name} is ready")

    def stop(self) -> None:
        """End it and wait for its end."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def kill(self) -> None:
        """End it the hard way."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """It accepts connections and never answers."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """It is gone, and is there again afterwards."""
        self.stop()
        try:
            yield
        finally:
            self.start()


def end_with_parent() -> None:
    """A killed run leaves no server behind: the kernel ends it when its parent is gone."""
    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)


def wait_until(is_true: Callable[[], bool], seconds: float, what: str) -> None:
    """Ask until it is true; never sleeps longer than it must."""
    end = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def answers(path: Path, request: bytes, expected: bytes) -> bool:
    """True when a server on a Unix socket answers a request as expected."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect(str(path))
            client.sendall(request)
            return client.recv(64).startswith(expected)
        except OSError:
            return False


def make_redis() -> Server:
    """Redis on a Unix socket, nothing on disk."""
    path = RUN_DIR / "redis.sock"
    return Server(
        "redis",
        [
            "redis-server",
            "--port",
            "0",
            "--unixsocket",
            str(path),
            "--save",
            "",
            "--dir",
            str(RUN_DIR),
        ],
        lambda: answers(path, b"PING\r\n", b"+PONG"),
    )


def make_clamd() -> Server:
    """clamd as the product configures it, on the bundled test signatures."""
    from security.clamd_conf import render_clamd_conf

    binary = shutil.which("clamd", path=f"{os.environ['PATH']}:/usr/sbin")
    assert binary, "clamd is missing"
    shutil.copy2(binary, RUN_DIR / "clamd")
    version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True)
    conf = render_clamd_conf(
        (ROOT / "docker/clamd.conf.template").read_text(),
        RUN_DIR,
        ROOT / "docker/signatures",
        version.stdout.split()[1].partition("/")[0],
    )
    (RUN_DIR / "clamd.conf").write_text(conf)
    return Server(
        "clamd",
        [str(RUN_DIR / "clamd"), f"--config-file={RUN_DIR}/clamd.conf"],
        lambda: answers(RUN_DIR / "clamd.sock", b"zPING\0", b"PONG"),
    )


def make_postgresql(*, is_durable: bool = False) -> Server:
    """PostgreSQL on a Unix socket; it refuses to run as root, so it runs as its own user then.

    Tests do without durable commits, measurements do not.
    """
    binaries = sorted(glob.glob("/usr/lib/postgresql/*/bin"))  # noqa: PTH207
    assert binaries, "PostgreSQL is missing"
    folder, user = RUN_DIR / "pg", "postgres" if os.getuid() == 0 else None
    folder.mkdir(mode=0o700)
    if user:
        RUN_DIR.chmod(0o711)
        os.chown(folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
    cluster = folder / "cluster"
    subprocess.run(
        [
            f"{binaries[-1]}/initdb",
            "-D",
            str(cluster),
            "-U",
            "postgres",
            "-A",
            "trust",
            "-N",
            "-E",
            "UTF8",
        ],
        check=True,
        capture_output=True,
        user=user,
        cwd="/",
    )
    command = [f"{binaries[-1]}/postgres", "-D", str(cluster), "-k", str(folder)]
    options = ["listen_addresses=", "max_connections=100", "log_min_messages=fatal"]
    for option in options if is_durable else [*options, "fsync=off"]:
        command += ["-c", option]
    return Server("postgresql", command, lambda: postgresql_answers(folder), user=user)


def postgresql_answers(folder: Path) -> bool:
    """True when a connection gets through."""
    import psycopg

    try:
        psycopg.connect(host=str(folder), user="postgres", dbname="postgres").close()
    except psycopg.OperationalError:
        return False
    return True


SERVERS: dict[str, Server] = {}


def pytest_sessionstart(session: pytest.Session) -> None:
    """Start what this run needs: one set for each process that runs tests."""
    if is_only_handing_out(session.config):
        return
    makers: list[Callable[[], Server]] = [make_redis, make_clamd]
    if DATABASE == "postgresql":
        makers.append(make_postgresql)
    atexit.register(stop_all)
    for make in makers:
        server = make()
        server.start()
        SERVERS[server.name] = server


def is_only_handing_out(config: pytest.Config) -> bool:
    """True in the process of pytest-xdist that hands tests out and runs none."""
    return bool(config.getoption("numprocesses", None)) and not hasattr(config, "workerinput")


@pytest.hookimpl(trylast=True)  # after the fixtures of the session, which need the servers
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Leave nothing behind."""
    stop_all()


def stop_all() -> None:
    """Stop every server and remove their folder."""
    while SERVERS:
        SERVERS.popitem()[1].stop()
    shutil.rmtree(RUN_DIR, ignore_errors=True)
