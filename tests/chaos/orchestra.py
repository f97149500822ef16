"""A whole service of real processes on private sockets, which a run owns and can break.

It runs on a copy of the product, so that an edit during a run changes nothing in it, with the
command lines of `docker/supervisord.conf`.
"""

from __future__ import annotations

import configparser
import contextlib
import glob
import os
import pwd
import secrets
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import requests

from tests.chaos.programs import Program, Supervisor, wait_for
from tests.system.edge import OUTER, site_conf
from tests.system.service import FOREIGN, ROOT, free_port

PRODUCT = ("config", "errors", "security", "filesvc", "docker", "manage.py", "CHANGELOG.md")
START_SECONDS = 90.0
RENDER = """
import pathlib, sys
from security.clamd_conf import render_clamd_conf
template, run_dir, signatures, version = sys.argv[1:]
text = pathlib.Path(template).read_text()
print(render_clamd_conf(text, pathlib.Path(run_dir), pathlib.Path(signatures), version))
"""
STORE_BYTES = 384 * 1024 * 1024
SETTINGS = {
    "ALLOWED_HOSTS": "127.0.0.1,localhost",
    "UPLOAD_RATE": "1000000/m",
    "SIGNATURE_UPDATES": "false",
    "LOG_LEVEL": "INFO",
    "ALLOWED_TYPES": "text/plain,text/csv,application/json,application/pdf,application/zip,"
    "image/png,image/jpeg,image/gif,image/webp,"
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    # A store that fills up is to be met by writes that fail, not by the look before them.
    "MIN_FREE_BYTES": "0",
    # Charged with each file: counts that show whether anything was charged twice.
    "QUOTA_FILES_PER_DAY": "1000000",
    "QUOTA_STORED_BYTES": str(1 << 40),
}


@dataclass
class Orchestra:
    """The processes of one run, their folder and how they are reached."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    web_instances: int = 1
    with_edge: bool = False
    programs: dict[str, Program] = field(default_factory=dict)
    ports: list[int] = field(default_factory=list)
    edge_port: int = 0
    secret_key: str = field(default_factory=lambda: secrets.token_hex(32))
    supervisor: Supervisor = field(default_factory=lambda: Supervisor([]))

    @property
    def product(self) -> Path:
        """The copy of the product."""
        return self.folder / "product"

    @property
    def run_dir(self) -> Path:
        """Where the sockets lie."""
        return self.folder / "run"

    @property
    def storage(self) -> Path:
        """Where the files are kept."""
        return self.folder / "storage"

    @property
    def urls(self) -> list[str]:
        """Every way in: each web instance, and the edge."""
        ports = [*self.ports, *([self.edge_port] if self.edge_port else [])]
        return [f"http://127.0.0.1:{port}" for port in ports]

    @property
    def database_url(self) -> str:
        """The private cluster."""
        return f"postgres://postgres@{str(self.folder / 'pg').replace('/', '%2F')}/postgres"

    def environment(self) -> dict[str, str]:
        """What the programs are told; nothing of the caller's own settings."""
        run = self.run_dir
        told = {key: value for key, value in os.environ.items() if key not in FOREIGN}
        return told | {
            "FILESVC_ENV_FILES": "",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONDONTWRITEBYTECODE": "1",
            "SECRET_KEY": self.secret_key,
            "DATABASE_URL": self.database_url,
            "BROKER_URL": f"redis+socket://{run}/redis.sock?virtual_host=0",
            "CACHE_URL": f"unix://{run}/redis.sock?db=1",
            "CLAMD_ADDRESS": f"unix:{run}/clamd.sock",
            "STORAGE_ROOT": str(self.storage),
            "PROMETHEUS_MULTIPROC_DIR": str(run / "metrics"),
            "RUN_DIR": str(run),
            **SETTINGS,
            **self.settings,
        }

    def prepare(self) -> None:
        """Copy the product, make the folders, write the configurations."""
        for name in PRODUCT:
            source, target = ROOT / name, self.product / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, target)
        for folder in (self.run_dir / "metrics", self.folder / "redis", self.folder / "bin"):
            folder.mkdir(parents=True)
        self.storage.mkdir(exist_ok=True)
        self._configure_clamd()
        self.ports = [free_port() for _ in range(self.web_instances)]
        told = self.environment()
        self._add_postgresql(told)
        for name in ("redis", "clamd", "worker", "sweeper"):
            self._add(name, name, told)
        for number, port in enumerate(self.ports):
            self._add("web", f"web{number or ''}", told, port)
        if self.with_edge:
            self._add_edge(told)
        self.supervisor.programs = list(self.programs.values())

    def start(self) -> None:
        """Start them in their order and wait until everything answers."""
        self.supervisor.start(self.programs["postgresql"])
        assert wait_for(self._database_answers, START_SECONDS), "PostgreSQL does not answer"
        self.manage("migrate", "--verbosity=0")
        for name, program in self.programs.items():
            if name != "postgresql":
                self.supervisor.start(program)
        assert wait_for(self.is_ready, START_SECONDS), f"not ready: {self.tail()}"

    def manage(self, *words: str) -> str:
        """`manage.py` of the copy."""
        return self.python("manage.py", *words)

    def python(self, *words: str) -> str:
        """The interpreter of the service, in the copy, with the service's settings."""
        told = subprocess.run(
            [str(ROOT / ".venv/bin/python"), *words],
            cwd=self.product,
            env=self.environment() | {"LOG_LEVEL": "ERROR"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert told.returncode == 0, told.stderr[-2000:]
        return told.stdout

    def issue_token(self, name: str) -> str:
        """A fresh token."""
        return self.manage("issue_token", name).strip()

    def ask(self, query: LiteralString, *values: object) -> list[tuple[Any, ...]]:
        """Rows of the database, past the product."""
        with psycopg.connect(
            host=str(self.folder / "pg"), user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            cursor = connection.execute(query, values)
            return cursor.fetchall() if cursor.description else []

    def is_ready(self) -> bool:
        """Every instance says that everything is well, the broker too."""
        return all(self._instance_is_ready(port) for port in self.ports)

    def _instance_is_ready(self, port: int) -> bool:
        try:
            told = requests.get(f"http://127.0.0.1:{port}/health/ready", timeout=5)
            checks = told.json().get("checks", {})
        except (requests.RequestException, ValueError):
            return False
        return bool(told.ok and checks and all(check["ok"] for check in checks.values()))

    def _database_answers(self) -> bool:
        try:
            self.ask("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def tail(self) -> str:
        """The last lines of every log."""
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(f"{log.name}: {log.read_text('utf-8', 'replace')[-600:]}" for log in logs)

    def _add(self, section: str, name: str, told: dict[str, str], port: int = 0) -> None:
        """A program as the supervisor's file has it."""
        conf = configparser.RawConfigParser()
        conf.read(ROOT / "docker/supervisord.conf")
        places = {
            "PROGRAM": str(self.product / "docker/run-program"),
            "BIN_DIR": str(ROOT / ".venv/bin"),
            "ROOT_DIR": str(self.product),
            "RUN_DIR": str(self.run_dir),
            "VAR_DIR": str(self.folder),
            "PORT": str(port),
            "WEB_WORKERS": told.get("WEB_WORKERS", "2"),
            "WEB_THREADS": told.get("WEB_THREADS", "16"),
        }
        line = conf[f"program:{section}"]["command"]
        for place, value in places.items():
            line = line.replace(f"%(ENV_{place})s", value)
        command = shlex.split(line)
        assert command[1] == section, line
        assert "%(" not in line, line
        self.programs[name] = Program(
            name,
            [command[0], name, *command[2:]],
            told,
            self.product,
            self.folder / f"{name}.log",
            stop_seconds=float(conf[f"program:{section}"]["stopwaitsecs"]),
        )

    def _configure_clamd(self) -> None:
        """As the product renders it, by the copy's own code."""
        binary = shutil.which("clamd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
        assert binary, "clamd is missing"
        shutil.copy2(binary, self.folder / "bin/clamd")
        version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True)
        docker = self.product / "docker"
        conf = self.python(
            *("-c", RENDER, str(docker / "clamd.conf.template"), str(self.run_dir)),
            *(str(docker / "signatures"), version.stdout.split()[1].partition("/")[0]),
        )
        (self.run_dir / "clamd.conf").write_text(conf)

    def _add_postgresql(self, told: dict[str, str]) -> None:
        """A cluster of its own; it refuses to run as root, so it runs as its own user then."""
        binaries = sorted(glob.glob("/usr/lib/postgresql/*/bin"))  # noqa: PTH207
        assert binaries, "PostgreSQL is missing"
        folder, user = self.folder / "pg", "postgres" if os.getuid() == 0 else None
        folder.mkdir(mode=0o700)
        if user:
            self.folder.chmod(0o711)
            os.chown(folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
        cluster = str(folder / "cluster")
        words = ["-D", cluster, "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8"]
        subprocess.run(
            [f"{binaries[-1]}/initdb", *words], check=True, capture_output=True, user=user, cwd="/"
        )
        # The machine itself is never switched off here, so what was written stays without fsync.
        options = ("listen_addresses=", "fsync=off", "max_connections=120", "log_timezone=UTC")
        command = [f"{binaries[-1]}/postgres", "-D", cluster, "-k", str(folder)]
        for option in options:
            command += ["-c", option]
        log = self.folder / "postgresql.log"
        # Ended as `pg_ctl stop -m fast` would.
        self.programs["postgresql"] = Program(
            "postgresql", command, told, Path("/"), log, user=user, stop_signal=2, stop_seconds=20
        )

    def _add_edge(self, told: dict[str, str]) -> None:
        """nginx before all web instances, with the product's own template and error pages."""
        binary = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
        assert binary, "nginx is missing"
        folder, self.edge_port = self.folder / "edge", free_port()
        folder.mkdir()
        self.folder.chmod(0o755)  # its workers run as another user
        folder.chmod(0o755)
        (folder / "site.conf").write_text(site_conf(self.ports, self.edge_port, 200))
        (folder / "nginx.conf").write_text(OUTER.format(folder=folder, user="", more=""))
        command = [binary, "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
        log = self.folder / "edge.log"
        self.programs["edge"] = Program("edge", command, told, folder, log, stop_seconds=10)


@contextlib.contextmanager
def orchestra(
    *, is_kept: bool = False, store_bytes: int = 0, **options: Any
) -> Iterator[Orchestra]:
    """A running service; every process and the folder are gone afterwards.

    With `store_bytes` the store is a file system of its own, so that it can be filled.
    """
    folder = Path(tempfile.mkdtemp(prefix="filesvc-chaos-", dir="/tmp"))
    playing = Orchestra(folder, **options)
    try:
        if store_bytes:
            playing.storage.mkdir()
            mount = ["mount", "-t", "tmpfs", "-o", f"size={store_bytes}", "tmpfs"]
            subprocess.run([*mount, str(playing.storage)], check=True)
        playing.prepare()
        with playing.supervisor:
            playing.start()
            yield playing
    finally:
        if store_bytes:
            subprocess.run(["umount", str(playing.storage)], check=False)
        if not is_kept:
            shutil.rmtree(folder, ignore_errors=True)
