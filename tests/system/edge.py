"""nginx in front of a service, with the product's own template and error pages."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from string import Template

from tests.system.service import ROOT, free_port, wait_until

ITS_ADDRESS = "127.0.0.2"
RENDER, MAIN = ROOT / "docker/render.py", ROOT / "docker/nginx-main.conf.template"
NO_STORAGE = Path("/nonexistent")
NO_NAMES = "resolver 127.0.0.1:9 ipv6=off; resolver_timeout 1s;"
MAX_BODY_BYTES = 25 * 1024 * 1024 + 16 * 1024
OUTER = """
{user}daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;
events {{ worker_connections 4096; }}
http {{
    {log} {more}
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    include {folder}/site.conf;
}}
"""


def site_conf(
    upstream_ports: list[int],
    port: int,
    max_connections: int,
    *,
    read_seconds: int = 70,
    storage: Path = NO_STORAGE,
    max_body_bytes: int = MAX_BODY_BYTES,
    tls: Path | None = None,
) -> str:
    """The product's own template, filled in for instances on this machine.

    Without any, the service is a name that nobody knows.
    """
    servers = " ".join(f"server 127.0.0.1:{one};" for one in upstream_ports)
    upstream = f"upstream filesvc {{ {servers} }}" if servers else NO_NAMES
    return Template((ROOT / "docker/nginx.conf.template").read_text()).safe_substitute(
        UPSTREAM=upstream,
        SERVICE="filesvc",
        LISTEN=f"127.0.0.1:{port} {with_tls(tls)}",
        MAX_BODY_BYTES=str(max_body_bytes),
        MAX_CONNECTIONS=str(max_connections),
        READ_SECONDS=str(read_seconds),
        ERROR_PAGES=str(ROOT / "docker/nginx-errors.conf"),
        HANDED_OVER=str(ROOT / "docker/nginx-handed-over.conf"),
        KEPT="/__kept",
        STORAGE_ROOT=str(storage),
    )


def with_tls(folder: Path | None) -> str:
    """What stands behind the port where there is a certificate: as docker/render.py has it."""
    if folder is None:
        return ""
    listing = re.search(r"listen {TLS_PORT} (ssl;.*?)\"\"\"", RENDER.read_text(), re.DOTALL)
    assert listing
    return listing[1].replace("/srv/tls", str(folder))


def access_log(path: Path | None) -> str:
    """The product's own form of a line, into that file."""
    if path is None:
        return "access_log off;"
    form = re.search(r"map \$request_uri.*?(?= +access_log)", MAIN.read_text(), re.DOTALL)
    assert form
    return f"{form[0]} access_log {path} json;"


@contextlib.contextmanager
def edge(
    upstream_port: int | None,
    *,
    more_ports: tuple[int, ...] = (),
    read_seconds: int = 70,
    max_connections: int = 50,
    max_body_bytes: int = MAX_BODY_BYTES,
    body_folder: Path | None = None,
    storage: Path | None = None,
    tls: Path | None = None,
    log: Path | None = None,
) -> Iterator[int]:
    """A running nginx before that port, or before nothing; yields the port it listens on.

    With `tls`, a folder with a certificate and its key, it speaks HTTPS alone.

    With `storage` it may read the store, as the user it belongs to, and speaks to the service
    from an address of its own, so that this one proxy can be trusted and nobody else.
    """
    binary = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    assert binary, "nginx is missing"
    folder, port = Path(tempfile.mkdtemp(prefix="filesvc-edge-")), free_port()
    folder.chmod(0o755)  # its workers run as another user
    (folder / "site.conf").write_text(
        site_conf(
            [upstream_port, *more_ports] if upstream_port else [],
            port,
            max_connections,
            read_seconds=read_seconds,
            max_body_bytes=max_body_bytes,
            storage=storage or NO_STORAGE,
            tls=tls,
        )
    )
    as_owner = "user root; " if storage and os.getuid() == 0 else ""
    more = f"proxy_bind {ITS_ADDRESS};" if storage else ""
    outer = OUTER.format(folder=folder, user=as_owner, more=more, log=access_log(log))
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


@contextlib.contextmanager
def full_server() -> Iterator[int]:
    """Listens, and has no room for one connection more: none is refused, none comes about."""
    with socket.socket() as listening, contextlib.ExitStack() as waiting:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        port = int(listening.getsockname()[1])
        while True:
            client = waiting.enter_context(socket.socket())
            client.settimeout(0.3)
            try:
                client.connect(("127.0.0.1", port))
            except TimeoutError:
                break
        yield port


@contextlib.contextmanager
def scripted_server(answer: Callable[[bytes], bytes]) -> Iterator[int]:
    """Reads a request, sends what is made of it, whole or not, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=answer_each, args=(listening, answer))
        thread.start()
        yield int(listening.getsockname()[1])
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def answer_each(listening: socket.socket, answer: Callable[[bytes], bytes]) -> None:
    """One after the other, until nobody listens any more."""
    with contextlib.suppress(OSError):
        while True:
            client, _ = listening.accept()
            with client, contextlib.suppress(ConnectionError):
                client.sendall(answer(client.recv(65536)))
