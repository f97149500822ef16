"""What the tests of the gates share: staged bytes, a second real clamd over TCP, a clean memory."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.cache import caches

from errors import wsgi_guard
from errors.base import ServiceError
from security import signatures
from security.clamd_conf import render_clamd_conf
from security.limit_cache import FallbackRedisCache
from security.malware import scan_for_malware
from security.upload import StagedUpload, open_staged
from tests import stack

Stage = Callable[..., StagedUpload]


class Watched(io.BytesIO):
    """A request body that knows how much of it was read."""

    read_bytes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        chunk = super().read(size)
        self.read_bytes += len(chunk)
        return chunk


@pytest.fixture
def no_drain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read after the answer, so that what was read was read before it."""
    monkeypatch.setattr(wsgi_guard, "MAX_DRAIN_BYTES", 0)


@pytest.fixture(autouse=True)
def forget_scanner(monkeypatch: pytest.MonkeyPatch) -> None:
    """What another test's clamd said of itself does not count here."""
    monkeypatch.setattr(signatures, "_remembered", None)


@pytest.fixture
def fresh_limits() -> Iterator[None]:
    """Nothing counted yet, a closed circuit and new connections; the same for the next test."""
    renew_limits()
    yield
    renew_limits()


def renew_limits() -> None:
    """Make the limiter's cache anew and empty it."""
    with contextlib.suppress(AttributeError):
        del caches["default"]
    FallbackRedisCache._breaker.record_success()
    caches["default"].clear()


@pytest.fixture
def stage(storage: Path) -> Iterator[Stage]:
    """Stage some bytes, as receiving would have left them."""
    staged: list[StagedUpload] = []

    def make(content: bytes, name: str = "note.txt") -> StagedUpload:
        upload = open_staged(name)
        staged.append(upload)
        view = memoryview(content)
        while view:
            view = view[os.write(upload.descriptor, view) :]
        upload.size_bytes = len(content)
        return upload

    yield make
    for upload in staged:
        upload.close()


def verdict_on(stage: Stage, content: bytes) -> str:
    """`clean`, or the code of the refusal."""
    staged = stage(content)
    try:
        clean = scan_for_malware(staged)
    except ServiceError as error:
        return error.code
    assert clean.staged is staged
    return "clean"


def free_port() -> int:
    """A TCP port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def clamd_version() -> str:
    """The version of the installed clamd, like 1.4.6."""
    told = subprocess.run(
        [str(stack.RUN_DIR / "clamd"), "--version"], capture_output=True, text=True, check=True
    )
    return told.stdout.split()[1].partition("/")[0]


def make_clamd(name: str, extra: str = "") -> stack.Server:
    """Another real clamd, configured by the product plus `extra` lines."""
    folder = stack.RUN_DIR / name
    folder.mkdir()
    conf = render_clamd_conf(
        (stack.ROOT / "docker/clamd.conf.template").read_text(),
        folder,
        stack.ROOT / "docker/signatures",
        clamd_version(),
    )
    (folder / "clamd.conf").write_text(conf + extra)
    return stack.Server(
        name,
        [str(stack.RUN_DIR / "clamd"), f"--config-file={folder}/clamd.conf"],
        lambda: stack.answers(folder / "clamd.sock", b"zPING\0", b"PONG"),
    )


@pytest.fixture(scope="session")
def clamd_over_tcp() -> Iterator[str]:
    """The address of a second real clamd that listens on a loopback port."""
    port = free_port()
    server = make_clamd("clamd-tcp", f"TCPSocket {port}\nTCPAddr 127.0.0.1\n")
    server.start()
    yield f"tcp://127.0.0.1:{port}"
    server.stop()
    shutil.rmtree(stack.RUN_DIR / "clamd-tcp")
