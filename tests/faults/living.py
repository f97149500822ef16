"""Real processes beside a test: the web server, its workers, a sweeper, and what they left."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from filesvc.blobs import blob_path
from filesvc.models import File
from tests import stack
from tests.client import BOUNDARY, file_part, form
from tests.filesvc.processes import database_url
from tests.process_tree import children_of, end
from tests.security.conftest import free_port
from tests.stack import wait_until

START_SECONDS = 60.0
FINAL = ("processed", "failed", "quarantined")
SERVER = [
    *("--interface", "wsgi", "--http", "1", "--no-ws", "--host", "127.0.0.1"),
    *("--backlog", "1024", "--backpressure", "512", "--http1-header-read-timeout", "5000"),
    *("--workers-kill-timeout", "10", "--respawn-failed-workers", "--respawn-interval", "0.5"),
    *("--log-level", "error", "config.wsgi:application"),
]


@dataclass
class Web:
    """A running web server."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def workers(self) -> set[int]:
        """Its processes that serve."""
        return children_of(self.process.pid)

    def upload(self, token: str, content: bytes = b"hello", **more: Any) -> requests.Response:
        """POST one file."""
        return upload_to(self.url, token, content, **more)

    def is_up(self) -> bool:
        """Whether it answers at all."""
        with contextlib.suppress(requests.RequestException):
            return requests.get(f"{self.url}/health/live", timeout=2).status_code == 200
        return False


def upload_to(
    url: str, token: str, content: bytes = b"hello", key: str = "", **more: Any
) -> requests.Response:
    """POST one file to whoever listens there, on a connection of its own."""
    headers = {"Authorization": f"Bearer {token}", "Connection": "close"}
    headers |= {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    headers |= {"Idempotency-Key": key} if key else {}
    body = form(file_part(content))
    return requests.post(f"{url}/upload/", data=body, headers=headers, timeout=60, **more)


def raw_upload(token: str, content: bytes = b"hello", announced: int | None = None) -> bytes:
    """The bytes of an upload on the wire; a false length may be announced."""
    body = form(file_part(content))
    lines = [
        "POST /upload/ HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Bearer {token}",
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}",
        f"Content-Length: {len(body) if announced is None else announced}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@contextlib.contextmanager
def running_web(
    storage: Path,
    *,
    workers: int = 1,
    threads: int = 16,
    errors_to: int | None = None,
    **environment: Any,
) -> Iterator[Web]:
    """A granian as `make run` starts it, on the database of the test and a port of its own.

    Its log goes into a file, or to the descriptor `errors_to`.
    """
    port, log_path = free_port(), storage.parent / "web.log"
    told = {"DATABASE_URL": database_url(), "STORAGE_ROOT": str(storage), **environment}
    command = [str(Path(sys.executable).with_name("granian")), *SERVER, "--port", str(port)]
    command += ["--workers", str(workers), "--blocking-threads", str(threads)]
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            command,
            env=os.environ | {"WEB_THREADS": str(threads)} | told,
            cwd=stack.ROOT,
            stdout=log,
            stderr=log if errors_to is None else errors_to,
            start_new_session=True,
        )
    web = Web(process, port, log_path)
    try:
        wait_until(web.is_up, START_SECONDS, "the web server answers")
        yield web
    finally:
        end(process)


def are_final() -> bool:
    """Every file is done with."""
    return not File.objects.exclude(status__in=FINAL).exists()


def assert_kept(ledger: dict[str, bytes]) -> None:
    """No acknowledged upload is lost: the row is there, and its bytes are those of the client."""
    for file_id, content in ledger.items():
        file = File.objects.get(id=file_id)
        kept = blob_path(file.id).read_bytes()
        assert kept == content
        assert hashlib.sha256(kept).hexdigest() == file.sha256


def read_all(connection: socket.socket) -> bytes:
    """What comes until the other side ends it, or nothing any more."""
    read = b""
    with contextlib.suppress(ConnectionResetError, TimeoutError):
        while piece := connection.recv(65536):
            read += piece
    return read
