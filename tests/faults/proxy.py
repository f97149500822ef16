"""A proxy on loopback that stands before a real server and spoils what passes through it."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Literal

Address = str | tuple[str, int]  # a Unix socket's path, or host and port
CHUNK_BYTES = 64 * 1024
LIFE_SECONDS = 300.0  # nothing of it outlives a test run that hangs
TURN_SECONDS = 0.05


@dataclass(frozen=True)
class Toxic:
    """One way to go wrong.

    refuse      nobody listens, and who was connected is reset
    blackhole   accepts everything, passes nothing on, never answers
    reset       breaks the connection at the client's next word
    garbage     answers `content` instead of asking the server, then hangs up
    delay       passes each answer on after `seconds`
    cut         passes `after_bytes` bytes of answers on, then hangs up
    lose_reply  passes the request on and, once it is answered, resets the client
    hold        resets the client and passes its request on only after `release`

    It begins with the connection or, with `once_seen`, when the client has said these bytes.
    `then` takes its place once it has struck. Only what is said from now on counts as seen.
    """

    kind: Literal["refuse", "blackhole", "reset", "garbage", "delay", "cut", "lose_reply", "hold"]
    content: bytes = b""
    seconds: float = 0.0
    after_bytes: int = 0
    once_seen: bytes = b""
    then: Toxic | None = None


REFUSE = Toxic("refuse")
BLACKHOLE = Toxic("blackhole")
RESET = Toxic("reset")


class ChaosProxy:
    """Passes a loopback port on to a server, for as long as its context lasts."""

    def __init__(self, upstream: Address) -> None:
        self.upstream = upstream
        self._listener = _bind_loopback()
        self.port: int = self._listener.getsockname()[1]
        self.struck = threading.Event()
        self._toxic: Toxic | None = None
        self._released = threading.Event()
        self._over = threading.Event()
        self._end = time.monotonic() + LIFE_SECONDS
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> ChaosProxy:
        self._listen()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._stop_listening()
        for thread in self._threads:
            thread.join(timeout=10)
        self._listener.close()

    @contextlib.contextmanager
    def spoiled(self, toxic: Toxic) -> Iterator[None]:
        """Spoil what passes until the block ends; then the proxy is honest again."""
        self.struck.clear()
        self._released.clear()
        self._become(toxic)
        try:
            yield
        finally:
            self._become(None)

    def release(self) -> None:
        """Pass on what is held back."""
        self._released.set()

    def _become(self, toxic: Toxic | None) -> None:
        was_refusing = self._toxic is not None and self._toxic.kind == "refuse"
        self._toxic = toxic
        if toxic is not None and toxic.kind == "refuse":
            self._stop_listening()
        elif was_refusing:
            self._listen()

    def _listen(self) -> None:
        self._listener.listen(64)
        self._start(self._accept)

    def _stop_listening(self) -> None:
        """Wakes the accepting thread too; the port stays ours, so it can be listened on again."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)

    def _start(self, work: Callable[..., None], *arguments: socket.socket) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError), _connect(self.upstream) as server:
            client.settimeout(5)
            server.settimeout(5)
            _Connection(self, client, server).run()

    # --- what a connection asks of its proxy ------------------------------------------

    @property
    def toxic(self) -> Toxic | None:
        """What is wrong at this moment."""
        return self._toxic

    @property
    def is_over(self) -> bool:
        """True when every connection has to end."""
        return self._over.is_set() or time.monotonic() > self._end

    def pause(self, seconds: float) -> None:
        """Wait, but not beyond the end of the proxy."""
        self._over.wait(seconds)

    def strike(self, toxic: Toxic) -> None:
        """`toxic` has done its harm."""
        if toxic.then is not None:
            self._become(toxic.then)
        self.struck.set()

    def wait_for_release(self) -> None:
        """Until `release`, or until the end."""
        while not self.is_over and not self._released.wait(TURN_SECONDS):
            pass


class _Connection:
    """One client, its server, and what has passed between them."""

    def __init__(self, proxy: ChaosProxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._said = b""
        self._heard: Toxic | None = None  # the toxic that `_said` was said to
        self._has_begun = False
        self._answered_bytes = 0
        self._has_swallowed = False

    def run(self) -> None:
        """Pass bytes on, both ways, until one side or a toxic ends it."""
        while not self._proxy.is_over:
            if self._toxic("refuse") or (self._has_swallowed and not self._toxic("blackhole")):
                return _reset(self._client)
            readable, _, _ = select.select([self._client, self._server], [], [], TURN_SECONDS)
            for side in readable:
                chunk = side.recv(CHUNK_BYTES)
                passed = self._ask(chunk) if side is self._client else self._answer(chunk)
                if not chunk or not passed:
                    return None
        return None

    def _toxic(self, *kinds: str) -> Toxic | None:
        """What is wrong now, if it is one of these kinds and has begun."""
        toxic = self._proxy.toxic
        if toxic is None or toxic.kind not in kinds:
            return None
        has_begun = not toxic.once_seen or (toxic is self._heard and self._has_begun)
        return toxic if has_begun else None

    def _listen_for_beginning(self, chunk: bytes) -> None:
        """Remember enough to find the words even when they come in two pieces."""
        toxic = self._proxy.toxic
        if toxic is not self._heard:
            self._heard, self._said, self._has_begun = toxic, b"", False
        if toxic is not None:
            self._said = self._said[-len(toxic.once_seen) :] + chunk
            self._has_begun = self._has_begun or toxic.once_seen in self._said

    def _ask(self, chunk: bytes) -> bool:
        """One word of the client; returns whether the connection goes on."""
        self._listen_for_beginning(chunk)
        toxic = self._toxic("blackhole", "reset", "garbage", "lose_reply", "hold")
        if toxic is None:
            self._server.sendall(chunk)
            return True
        if toxic.kind == "lose_reply":
            self._get_answered(chunk)
        self._proxy.strike(toxic)
        if toxic.kind == "blackhole":
            self._has_swallowed = True
            return True
        if toxic.kind == "garbage":
            self._hang_up_after(toxic.content)
        else:
            _reset(self._client)
        if toxic.kind == "hold":
            self._proxy.wait_for_release()
            self._get_answered(chunk)
        return False

    def _answer(self, chunk: bytes) -> bool:
        """One word of the server; returns whether the connection goes on."""
        if toxic := self._toxic("delay"):
            self._proxy.strike(toxic)
            self._proxy.pause(toxic.seconds)
        elif toxic := self._toxic("cut"):
            return self._answer_in_part(chunk, toxic)
        elif self._toxic("blackhole"):
            self._has_swallowed = True
            return True
        self._client.sendall(chunk)
        return True

    def _answer_in_part(self, chunk: bytes, toxic: Toxic) -> bool:
        left_bytes = toxic.after_bytes - self._answered_bytes
        self._answered_bytes += len(chunk)
        if len(chunk) < left_bytes:
            self._client.sendall(chunk)
            return True
        self._proxy.strike(toxic)
        self._hang_up_after(chunk[: max(0, left_bytes)])
        return False

    def _get_answered(self, chunk: bytes) -> None:
        self._server.sendall(chunk)
        self._server.recv(CHUNK_BYTES)

    def _hang_up_after(self, last: bytes) -> None:
        """Read to the client's end too: a close over unread bytes would be a reset."""
        self._client.sendall(last)
        self._client.shutdown(socket.SHUT_WR)
        while not self._proxy.is_over and self._client.recv(CHUNK_BYTES):
            pass


def _bind_loopback() -> socket.socket:
    """A bound socket that keeps its port while it does not listen."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = probe.getsockname()
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # A port the kernel chose is let go at the first shutdown; one that was asked for is kept.
    listener.bind(address)
    return listener


def _connect(address: Address) -> socket.socket:
    if isinstance(address, tuple):
        return socket.create_connection(address, 5)
    server = socket.socket(socket.AF_UNIX)
    try:
        server.connect(address)
    except OSError:
        server.close()
        raise
    return server


def _reset(client: socket.socket) -> None:
    """Close so that the other side sees a reset and no end of file."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
