"""nginx in front of a service, with the product's own template and error pages."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from string import Template

from tests.system.service import ROOT, free_port, wait_until

OUTER = """
daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    include {folder}/site.conf;
}}
"""


@contextlib.contextmanager
def edge(
    upstream_port: int,
    *,
    read_seconds: int = 70,
    max_connections: int = 50,
    body_folder: Path | None = None,
) -> Iterator[int]:
    """A running nginx before that port; yields the port it listens on."""
    binary = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    assert binary, "nginx is missing"
    folder, port = Path(tempfile.mkdtemp(prefix="filesvc-edge-")), free_port()
    folder.chmod(0o755)  # its workers run as another user
    site = Template((ROOT / "docker/nginx.conf.template").read_text()).safe_substitute(
        UPSTREAM=f"127.0.0.1:{upstream_port}",
        LISTEN=f"127.0.0.1:{port}",
        MAX_BODY_BYTES=str(25 * 1024 * 1024 + 16 * 1024),
        MAX_CONNECTIONS=str(max_connections),
        READ_SECONDS=str(read_seconds),
        ERROR_PAGES=str(ROOT / "docker/nginx-errors.conf"),
    )
    (folder / "site.conf").write_text(site)
    outer = OUTER.format(folder=folder)
    if body_folder:
        outer = outer.replace(f"{folder}/body", str(body_folder))
    (folder / "nginx.conf").write_text(outer)
    with (folder / "out.txt").open("wb") as output:
        process = subprocess.Popen(
            [binary, "-c", str(folder / "nginx.conf")], stdout=output, stderr=output
        )
    try:
        wait_until(lambda: accepts(port), 10, "nginx listens")
        yield port
    finally:
        process.terminate()
        process.wait(timeout=10)
        shutil.rmtree(folder, ignore_errors=True)


def accepts(port: int) -> bool:
    """True when something listens there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def talk(port: int, request: bytes, *, half_close: bool = False, seconds: float = 10) -> bytes:
    """Send raw bytes and read until the other side is done."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as client:
        client.sendall(request)
        if half_close:
            client.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError, TimeoutError):
            while piece := client.recv(65536):
                answer += piece
                if is_whole(answer):
                    break
    return answer


def is_whole(answer: bytes) -> bool:
    """True when the first answer has come in to its last byte."""
    head, found, body = answer.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return bool(found and lengths) and len(body) >= int(lengths[0].split(b":")[1])


@contextlib.contextmanager
def silent_server() -> Iterator[int]:
    """Accepts connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield int(listening.getsockname()[1])
