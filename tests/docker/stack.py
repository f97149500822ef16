"""One Compose project on a real engine: its commands, and the service as its clients see it.

Nothing but Python is needed beside Docker.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT_DIR = Path(__file__).resolve().parents[2]
PROJECT = "filesvc-try"
HEALTHY_SECONDS = 300.0
ONE_SHOTS = {"render", "migrate"}


class Failed(Exception):
    """A promise that was not kept."""


class Stack:
    """One Compose project: its commands, and the service as its clients see it."""

    def __init__(self, port: int, env_file: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._env_file = env_file
        self._compose = find_compose()
        self.token = ""

    def compose(self, *words: str, is_checked: bool = True) -> str:
        """`docker compose` in this project; what it printed."""
        command = [*self._compose, "--project-name", PROJECT, "--env-file", str(self._env_file)]
        return run([*command, *words], is_checked=is_checked)

    def containers(self, *services: str) -> list[dict[str, Any]]:
        """All that Docker knows of the containers of these services."""
        ids = self.compose("ps", "-q", "-a", *services)
        told: list[dict[str, Any]] = json.loads(run(["docker", "inspect", *ids.split()]))
        return told

    def execute(self, service: str, *words: str) -> str:
        """Run a command in the first container of the service."""
        name = self.containers(service)[0]["Id"]
        return run(["docker", "exec", name, *words], is_checked=False)

    def wait_healthy(self) -> None:
        """Until every container that asks itself is well."""
        wait_until(
            lambda: all(
                one["State"].get("Health", {}).get("Status", "healthy") == "healthy"
                for one in self.containers()
                if service_of(one) not in ONE_SHOTS
            ),
            HEALTHY_SECONDS,
            "every container is healthy",
        )

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """One request: status, headers, body."""
        told = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        request = urllib.request.Request(  # noqa: S310 - our own service
            f"{self.url}{path}", data=body, method=method, headers=told | headers
        )
        try:
            with urllib.request.urlopen(request, timeout=90) as answer:  # noqa: S310
                return answer.status, lowered(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            return error.code, lowered(error.headers), error.read()

    def upload(self, content: bytes, name: str) -> tuple[int, dict[str, str], Any]:
        """POST one file."""
        border = uuid.uuid4().hex
        head = (
            f'--{border}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        )
        body = head.encode() + content + f"\r\n--{border}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={border}"}
        status, headers, answer = self.ask("POST", "/upload/", body, **kind)
        return status, headers, json.loads(answer)


def find_compose() -> list[str]:
    """`docker compose`, or the older program of its own."""
    newer = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    return ["docker", "compose"] if newer.returncode == 0 else ["docker-compose"]


def run(command: list[str], *, is_checked: bool = True) -> str:
    """What the command printed; raises Failed with its errors."""
    environment = os.environ | {"DOCKER_BUILDKIT": "1", "COMPOSE_DOCKER_CLI_BUILD": "1"}
    told = subprocess.run(
        command, cwd=ROOT_DIR, env=environment, capture_output=True, text=True, check=False
    )
    if is_checked and told.returncode:
        raise Failed(f"{' '.join(command)}: {told.stderr[-2000:]}")
    return told.stdout


def lowered(headers: Any) -> dict[str, str]:
    """Header names in small letters."""
    return {name.lower(): value for name, value in headers.items()}


def service_of(container: dict[str, Any]) -> str:
    """The service a container belongs to."""
    return str(container["Config"]["Labels"]["com.docker.compose.service"])


def wait_until(is_true: Callable[[], bool], seconds: float, what: str) -> None:
    """Ask twice a second."""
    end = time.monotonic() + seconds
    while not is_true():
        expect(time.monotonic() < end, f"not within {seconds:.0f} s: {what}")
        time.sleep(0.5)


def expect(is_so: bool, otherwise: str) -> None:
    """Raises Failed."""
    if not is_so:
        raise Failed(otherwise)


def write_env(folder: Path, port: int) -> Path:
    """Secrets of this run alone, by docker/make-env; rates that the load does not meet."""
    (folder / "docker").mkdir()
    shutil.copy2(ROOT_DIR / "docker/make-env", folder / "docker/make-env")
    subprocess.run([folder / "docker/make-env"], check=True, capture_output=True)
    env_file = folder / ".env"
    text = env_file.read_text().replace("HTTP_PORT=8080", f"HTTP_PORT={port}")
    more = "UPLOAD_RATE=1000000/m\nEDGE_SUBNET=10.213.78.0/26\nSIGNATURE_UPDATES=false\n"
    env_file.write_text(text + more + "FILESVC_TAG=try\n")
    return env_file
