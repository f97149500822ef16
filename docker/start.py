"""What a container runs: one role of the service, or any command; it becomes that process.

The command lines are those of docker/supervisord.conf, so that Compose and `make run` cannot
drift apart.
"""

from __future__ import annotations

import configparser
import os
import shlex
import shutil
import socket
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

ROOT_DIR = Path(__file__).resolve().parent.parent
PORT = 8000
ASK_SECONDS = 4.0
# The parts of addresses that are secrets.
SECRETS = ("DATABASE_URL", "BROKER_URL", "CACHE_URL")


def main(words: list[str]) -> None:
    """Run the role named first, or what is named as it stands."""
    os.umask(0o077)
    if words[0] in QUESTIONS:
        QUESTIONS[words[0]]()
        return
    prepare_metrics()
    role = ROLES.get(words[0])
    if role is None or len(words) > 1:
        os.execvp(words[0], words)  # noqa: S606 - what the operator asked for
    role()


def run_program(section: str, *more: str) -> NoReturn:
    """Become the program of that section.

    Raises SystemExit for secrets that are none.
    """
    refuse_weak_secrets(os.environ)
    command = [*read_command(section), *more]
    os.execvp(command[0], command)  # noqa: S606 - our own command line


def read_command(section: str) -> list[str]:
    """The command line of a program, without what only the supervisor needs."""
    conf = configparser.RawConfigParser()
    conf.read(ROOT_DIR / "docker/supervisord.conf")
    line = conf[f"program:{section}"]["command"]
    for name, value in command_places().items():
        line = line.replace(f"%(ENV_{name})s", value)
    program, name, *command = shlex.split(line)
    if "%(" in line or name != section:
        raise SystemExit(f"docker/supervisord.conf: {section} cannot be run here: {program}")
    return command


def command_places() -> dict[str, str]:
    """What `make run` fills in by the environment, from the same settings."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.conf import settings

    from filesvc.deadlines import server_seconds

    return {
        "PROGRAM": "run-program",
        "BIN_DIR": str(Path(sys.executable).parent),
        "ROOT_DIR": str(ROOT_DIR),
        "PORT": str(PORT),
        "WEB_WORKERS": str(settings.WEB_WORKERS),
        "WEB_THREADS": str(settings.WEB_THREADS),
        "SERVER_SECONDS": str(server_seconds()),
    }


def refuse_weak_secrets(environment: os._Environ[str] | dict[str, str]) -> None:
    """Ends with one line when a secret was left at an example or is too short to be one.

    By the rule of the start-up checks; but here, where Compose makes the secrets, none may lack.
    """
    from security.weak_secrets import is_weak

    secrets = {"SECRET_KEY": (environment.get("SECRET_KEY", ""), "")}
    for name in SECRETS:
        address = urlsplit(environment.get(name, ""))
        if address.hostname:  # a socket or a file of this machine is guarded by its mode
            secrets[name] = (address.password or "", address.username or "")
    for name, (secret, user) in secrets.items():
        if is_weak(secret, user):
            raise SystemExit(
                f"the secret in {name} is missing, short or an example: docker/make-env"
            )


def prepare_metrics() -> None:
    """An empty folder for the counters of this container's processes."""
    folder = Path(os.environ.get("PROMETHEUS_MULTIPROC_DIR", "/tmp/metrics"))  # noqa: S108
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def run_web() -> NoReturn:
    """The server, on every address of the container; of two options the last one counts."""
    os.environ["ALLOWED_HOSTS"] = ",".join([allowed_hosts(), *own_addresses()])
    run_program("web", "--host", "0.0.0.0")  # noqa: S104 - reached over private networks alone


def allowed_hosts() -> str:
    """As it is set, or its default."""
    return os.environ.get("ALLOWED_HOSTS") or "localhost,127.0.0.1"


def own_addresses() -> list[str]:
    """Prometheus asks each instance by its address; none of them is reached from outside."""
    found = socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET, socket.SOCK_STREAM)
    return sorted({str(address[0]) for *_, address in found})


def run_worker() -> NoReturn:
    """A Celery worker."""
    run_program("worker")


def run_sweeper() -> NoReturn:
    """The sweeper."""
    run_program("sweeper")


def run_migrate() -> None:
    """Bring database and store up to this version; what disagrees stops the start here."""
    refuse_weak_secrets(os.environ)
    import django
    from django.core.management import call_command

    django.setup()
    from filesvc.blobs import prepare_storage

    call_command("migrate", interactive=False, skip_checks=False)
    prepare_storage()


def run_render() -> None:
    """Write what nginx and clamd are configured with."""
    refuse_weak_secrets(os.environ)
    from render import render_all

    render_all(Path(os.environ.get("CONFIG_DIR", "/srv/config")), os.environ)


def ask_health() -> None:
    """Exit 0 while the server of this container answers."""
    host = allowed_hosts().split(",")[0].strip().lstrip(".*") or "localhost"
    ask(f"http://127.0.0.1:{PORT}/health/live", {"Host": host})


def ask_metrics() -> None:
    """Exit 0 while the worker or the sweeper of this container tells its numbers."""
    ask(f"http://127.0.0.1:{os.environ['METRICS_PORT']}/metrics", {})


def ask(url: str, headers: dict[str, str]) -> None:
    """Raises OSError when it is not there, or not well."""
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - our own server
    with urllib.request.urlopen(request, timeout=ASK_SECONDS) as answer:  # noqa: S310
        answer.read()


ROLES: dict[str, Callable[[], None]] = {
    "web": run_web,
    "worker": run_worker,
    "sweeper": run_sweeper,
    "migrate": run_migrate,
    "render": run_render,
}
# Asked of a container that runs, by Docker.
QUESTIONS: dict[str, Callable[[], None]] = {"ask-health": ask_health, "ask-metrics": ask_metrics}

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT_DIR))
    main(sys.argv[1:] or ["web"])
