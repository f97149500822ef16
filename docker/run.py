"""Starts the whole service in the foreground: what `make run` calls.

Everything it writes lies in `var/`. It cleans up after a killed run, prepares settings,
database and scanner, and then becomes the supervisor.
"""

from __future__ import annotations

import getpass
import hashlib
import io
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from string import Template
from typing import NoReturn

ROOT_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = ROOT_DIR / "var"
BIN_DIR = ROOT_DIR / ".venv" / "bin"
DOCKER_DIR = ROOT_DIR / "docker"

MAX_SOCKET_PATH = 107 - len("/supervisor.sock.12345")
STOP_SECONDS = 5.0
READY_SECONDS = 180.0
CLAMD_BINARIES = ("/usr/sbin/clamd", "/usr/local/sbin/clamd", "/usr/bin/clamd")


def main() -> NoReturn:
    """Clean up, prepare, announce, and hand the process over to the supervisor."""
    os.umask(0o077)
    os.chdir(ROOT_DIR)
    run_dir = choose_run_dir()
    refuse_second_run(run_dir)
    stop_leftovers(run_dir)
    port = os.environ.setdefault("PORT", "8000")
    refuse_taken_port(int(port))
    make_folders(run_dir)
    settings = write_settings(run_dir)
    os.environ.update(settings)
    prepare_service(run_dir)
    announce_when_ready(port)
    become_supervisor(run_dir)


# --- what an earlier run left -------------------------------------------------------------


def choose_run_dir() -> Path:
    """Where sockets and pid files lie; a path too long for a socket falls back to a short one."""
    if len(str(VAR_DIR / "run")) <= MAX_SOCKET_PATH:
        return VAR_DIR / "run"
    name = hashlib.sha256(str(ROOT_DIR).encode()).hexdigest()[:12]
    return Path("/tmp") / f"filesvc-{os.getuid()}-{name}"  # noqa: S108 - made private below


def refuse_second_run(run_dir: Path) -> None:
    """Ends with one line when this clone is running already."""
    pid = read_pid(run_dir / "supervisord.pid")
    if pid and belongs_to_us(pid, run_dir):
        raise SystemExit(f"this clone is already running (process {pid}); stop it first")


def stop_leftovers(run_dir: Path) -> None:
    """End what a killed run of this clone left behind; nobody else's processes are touched."""
    for number, patience_seconds in (
        (signal.SIGTERM, STOP_SECONDS),
        (signal.SIGKILL, STOP_SECONDS),
    ):
        left = find_leftovers(run_dir)
        for pid in left:
            send_signal(pid, number)
        if wait_until(lambda: not find_leftovers(run_dir), patience_seconds):
            break
    for stale in (*run_dir.glob("*.pid"), *run_dir.glob("*.sock")):
        stale.unlink()


def find_leftovers(run_dir: Path) -> list[int]:
    """Members of the process groups our pid files name, if their command line is ours."""
    groups = {read_pid(path) for path in run_dir.glob("*.pid")} - {None, 0, 1}
    pids = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
    return [pid for pid in pids if group_of(pid) in groups and belongs_to_us(pid, run_dir)]


def read_pid(path: Path) -> int | None:
    """The number in a pid file, or None."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def group_of(pid: int) -> int | None:
    """The process group of a process, or None when it is gone."""
    try:
        return os.getpgid(pid)
    except OSError:
        return None


def belongs_to_us(pid: int, run_dir: Path) -> bool:
    """True when the command line of a live process names this clone."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (OSError, UnicodeDecodeError):
        return False
    return any(mark in command for mark in (f"{ROOT_DIR}/", f"{run_dir}/"))


def send_signal(pid: int, number: int) -> None:
    """Signal a process that may be gone by now."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def wait_until(is_true: Callable[[], bool], seconds: float) -> bool:
    """Ask ten times a second, for so long at the most."""
    end = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def refuse_taken_port(port: int) -> None:
    """Ends with one line when something answers on the port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise SystemExit(f"port {port} is taken; choose another one: make run PORT=8001")


# --- what this run needs ------------------------------------------------------------------


def make_folders(run_dir: Path) -> None:
    """All state lies in var/, private to this user."""
    for folder in ("bin", "log", "redis", "signatures", "storage"):
        (VAR_DIR / folder).mkdir(parents=True, exist_ok=True)
    run_dir.mkdir(parents=True, exist_ok=True)
    if run_dir.stat().st_uid != os.getuid():
        raise SystemExit(f"{run_dir} belongs to somebody else")
    run_dir.chmod(0o700)
    shutil.rmtree(run_dir / "metrics", ignore_errors=True)
    (run_dir / "metrics").mkdir()


def write_settings(run_dir: Path) -> dict[str, str]:
    """The settings of this run, kept in var/env for `manage.py` in a second shell."""
    from dotenv import dotenv_values

    from config.env import Environment

    names = {name.upper() for name in Environment.model_fields}
    from_user = {**dotenv_values(ROOT_DIR / ".env"), **os.environ}
    kept = dotenv_values(VAR_DIR / "env")
    settings = {
        "SECRET_KEY": kept.get("SECRET_KEY") or secrets.token_urlsafe(48),
        "DATABASE_URL": f"sqlite:///{VAR_DIR}/db.sqlite3",
        "BROKER_URL": f"redis+socket://{run_dir}/redis.sock?virtual_host=0",
        "CACHE_URL": f"unix://{run_dir}/redis.sock?db=1",
        "CLAMD_ADDRESS": f"unix:{run_dir}/clamd.sock",
        "STORAGE_ROOT": f"{VAR_DIR}/storage",
        **{name: value for name, value in from_user.items() if name in names and value},
    }
    text = "".join(f"{name}='{value}'\n" for name, value in sorted(settings.items()))
    target = VAR_DIR / "env"
    target.touch(mode=0o600)
    target.chmod(0o600)
    target.write_text(text)
    return {name: str(value) for name, value in settings.items()}


def prepare_service(run_dir: Path) -> None:
    """Database and scanner configuration."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django
    from django.core.management import CommandError, call_command
    from django.db import connection

    try:
        django.setup()
        call_command("migrate", verbosity=0, skip_checks=False)
    except CommandError as error:
        raise SystemExit(str(error)) from None
    prepare_scanner(run_dir)
    tell_supervisor()
    connection.close()  # nothing open may cross the fork


def tell_supervisor() -> None:
    """What docker/supervisord.conf fills in from the environment."""
    from django.conf import settings

    from filesvc.deadlines import server_seconds

    os.environ["WEB_WORKERS"] = str(settings.WEB_WORKERS)
    os.environ["WEB_THREADS"] = str(settings.WEB_THREADS)
    os.environ["SERVER_SECONDS"] = str(server_seconds())
    os.environ["STOP_SECONDS"] = str(server_seconds() + int(STOP_SECONDS))
    os.environ["SIGNATURE_UPDATES"] = str(settings.SIGNATURE_UPDATES).lower()


def prepare_scanner(run_dir: Path) -> None:
    """A private clamd: its own copy of the binary, its configuration and its signatures.

    The copy is needed because Ubuntu's AppArmor profile ties /usr/sbin/clamd to its
    system paths.
    """
    from security.clamd_conf import render_clamd_conf

    binary = next((path for path in CLAMD_BINARIES if Path(path).exists()), None)
    if binary is None:
        raise SystemExit("clamd is missing; install clamav-daemon")
    shutil.copy2(binary, VAR_DIR / "bin" / "clamd")
    for bundled in (DOCKER_DIR / "signatures").iterdir():
        shutil.copy2(bundled, VAR_DIR / "signatures")
    database = VAR_DIR / "signatures"
    clamd_conf = render_clamd_conf(
        (DOCKER_DIR / "clamd.conf.template").read_text(), run_dir, database, clamd_version(binary)
    )
    (run_dir / "clamd.conf").write_text(clamd_conf)
    freshclam_conf = Template((DOCKER_DIR / "freshclam.conf.template").read_text()).substitute(
        database=database, owner=getpass.getuser(), clamd_conf=run_dir / "clamd.conf"
    )
    (run_dir / "freshclam.conf").write_text(freshclam_conf)


def clamd_version(binary: str) -> str:
    """`1.4.6`, from `ClamAV 1.4.6`."""
    told = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    return told.stdout.split()[1].partition("/")[0]


# --- and on it goes -----------------------------------------------------------------------


def announce_when_ready(port: str) -> None:
    """Fork a child that waits for readiness, says so, and ends."""
    parent = os.getpid()
    if os.fork():
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    ready = wait_until(lambda: os.getppid() != parent or is_ready(port), READY_SECONDS)
    if os.getppid() == parent:
        text = describe_start(port, issue_first_token()) if ready else describe_delay(port)
        print(text, flush=True)  # noqa: T201
    os._exit(0)


def issue_first_token() -> str | None:
    """A token for the user `demo`, unless there are tokens already."""
    from django.core.management import call_command

    from filesvc.models import Token

    if Token.objects.exists():
        return None
    told = io.StringIO()
    call_command("issue_token", "demo", stdout=told)
    return told.getvalue().strip()


def ask_readiness(port: str) -> tuple[bool, dict[str, object]]:
    """What /health/ready says; not ready and nothing while nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5) as answer:
            return True, json.load(answer)
    except urllib.error.HTTPError as error:
        return False, json.load(error)
    except (OSError, ValueError):
        return False, {}


def is_ready(port: str) -> bool:
    """Everything answers, the broker too."""
    ready, told = ask_readiness(port)
    checks = told.get("checks", {})
    return ready and isinstance(checks, dict) and all(check["ok"] for check in checks.values())


def describe_start(port: str, token: str | None) -> str:
    """What a newcomer needs to go on."""
    url = f"http://127.0.0.1:{port}"
    lines = ["", f"filesvc is ready on {url} (Ctrl-C stops it)"]
    if token:
        lines += [
            "",
            f"A token for the user demo, shown this once:\n  {token}",
            "",
            "Try it in a second shell:",
            f"  curl -H 'Authorization: Bearer {token}' -F file=@README.md {url}/upload/",
            f"  curl -H 'Authorization: Bearer {token}' {url}/files/",
        ]
    else:
        lines.append("A new token: .venv/bin/python manage.py issue_token NAME")
    return "\n".join([*lines, ""])


def describe_delay(port: str) -> str:
    """Not ready in time: say what is missing, and leave the supervisor trying."""
    _, told = ask_readiness(port)
    missing = told.get("meta", "nobody answers")
    return f"not ready after {READY_SECONDS:.0f} s: {missing}; see above, and var/log/"


def become_supervisor(run_dir: Path) -> NoReturn:
    """The process that was started is the one that stays; a signal to it stops everything."""
    os.environ.update(
        ROOT_DIR=str(ROOT_DIR),
        VAR_DIR=str(VAR_DIR),
        BIN_DIR=str(BIN_DIR),
        RUN_DIR=str(run_dir),
        PROMETHEUS_MULTIPROC_DIR=str(run_dir / "metrics"),
        PROGRAM=str(DOCKER_DIR / "run-program"),
    )
    conf = run_dir / "supervisord.conf"
    text = (DOCKER_DIR / "supervisord.conf").read_text()
    if os.getuid() == 0:
        text = text.replace("[supervisord]\n", "[supervisord]\nuser = root\n", 1)
    conf.write_text(text)
    supervisord = str(BIN_DIR / "supervisord")
    os.execv(sys.executable, [sys.executable, supervisord, "--configuration", str(conf)])  # noqa: S606


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT_DIR))
    main()
