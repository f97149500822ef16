"""A clamd that answers what a test tells it to, on a real socket: a fault at the edge."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

BUNDLED = b"ClamAV 1.4.6\0"


@dataclass(frozen=True)
class Script:
    """How one scan is answered: these pieces one by one, then an ending.

    `close` ends the connection in order, `reset` breaks it, `hang` keeps it open.
    Without `reads` the answer starts before the request was read.
    """

    pieces: Sequence[bytes] = ()
    ending: str = "close"
    reads: bool = True


class FakeClamd:
    """Serves one connection after the other until its context ends."""

    def __init__(self, script: Script, version: bytes = BUNDLED, *, folder: Path | None = None):
        self.script = script
        self.version = version
        self.commands: list[bytes] = []
        self.received: list[bytes] = []
        if folder is None:
            self._listener = socket.create_server(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        else:
            path = folder / f"fake-{uuid.uuid4().hex[:12]}.sock"
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(path))
            self._listener.listen(16)
            self.address = f"unix:{path}"
        self._over = threading.Event()
        self._hung: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> FakeClamd:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(timeout=10)
        self._listener.close()
        for connection in self._hung:
            connection.close()

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.settimeout(5)
            with contextlib.suppress(OSError):
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        script = self.script
        command = _read_until(connection, b"\0")
        self.commands.append(command)
        if command == b"zVERSION":
            connection.sendall(self.version)
            connection.close()
            return
        if script.reads:
            self.received.append(_read_content(connection, command))
        with contextlib.suppress(OSError):
            for piece in script.pieces:
                connection.sendall(piece)
        self._end(connection, script.ending)

    def _end(self, connection: socket.socket, ending: str) -> None:
        if ending == "hang":
            self._hung.append(connection)
            return
        if ending == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


def _read_until(connection: socket.socket, end: bytes) -> bytes:
    read = b""
    while (byte := connection.recv(1)) not in (end, b""):
        read += byte
    return read


def _read_content(connection: socket.socket, command: bytes) -> bytes:
    """The bytes to scan: behind the descriptor that came, or in the stream's chunks."""
    if command == b"zFILDES":
        _, descriptors, _, _ = socket.recv_fds(connection, 1, 1)
        content = os.pread(descriptors[0], 1 << 26, 0)
        os.close(descriptors[0])
        return content
    streamed = bytearray()
    while length := struct.unpack("!L", _read_exactly(connection, 4))[0]:
        streamed += _read_exactly(connection, length)
    return bytes(streamed)


def _read_exactly(connection: socket.socket, size: int) -> bytes:
    read = bytearray()
    while len(read) < size and (piece := connection.recv(size - len(read))):
        read += piece
    if len(read) < size:
        raise ConnectionError("cut short")
    return bytes(read)
