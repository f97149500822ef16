"""Speaks to clamd with bounds: connect, read and total time, whole writes, whole replies.

The `clamd` package serves commands and exceptions; its connect has no time-out, its `send`
may be short and an early end of the reply comes back as None (all measured), so the four
places where bytes move are replaced here.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import time
from collections.abc import Iterator

import clamd

from errors import catalogue

CONNECT_SECONDS = 1.0
IO_SECONDS = 10.0
STREAM_CHUNK_BYTES = 64 * 1024
MAX_REPLY_BYTES = 4096


class Deadline:
    """A moment after which nothing is waited for any more."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def bound(self, seconds: float) -> float:
        """`seconds`, or what is left when that is less.

        Raises TimeoutError when nothing is left.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("deadline passed")
        return min(seconds, left)


class ClamdClient(clamd.ClamdNetworkSocket):  # type: ignore[misc]  # the package has no types
    """One conversation with one total deadline; a new one for each command.

    Raises clamd.ConnectionError when clamd cannot be reached, OSError or TimeoutError
    when the conversation breaks.
    """

    def __init__(self, address: str, total_seconds: float) -> None:
        self._address = address
        self._total_seconds = total_seconds
        self._deadline = Deadline(total_seconds)
        self._passes_descriptors = address.startswith("unix:")

    def scan_descriptor(self, descriptor: int) -> bytes:
        """The raw reply to a scan of the open file, from its first byte.

        Over a Unix socket clamd reads the file itself (FILDES); over TCP it is streamed.
        """
        if not self._passes_descriptors:
            return self.scan_stream(descriptor)
        with self._conversation():
            self._send_descriptor(descriptor)
            return self._receive_reply()

    def scan_stream(self, descriptor: int) -> bytes:
        """The raw reply to a scan of the bytes of the open file (INSTREAM), over any socket."""
        with self._conversation():
            self._send_stream(descriptor)
            return self._receive_reply()

    def _basic_command(self, command: str) -> str:
        """PING, VERSION and the like."""
        with self._conversation():
            self._send_command(command)
            return self._receive_reply().rstrip(b"\0").decode("ascii", "backslashreplace")

    @contextlib.contextmanager
    def _conversation(self) -> Iterator[None]:
        self._deadline = Deadline(self._total_seconds)
        self._init_socket()
        try:
            yield
        finally:
            self._close_socket()

    def _init_socket(self) -> None:
        seconds = self._deadline.bound(CONNECT_SECONDS)
        try:
            if self._passes_descriptors:
                self.clamd_socket = connect_unix(self._address.removeprefix("unix:"), seconds)
            else:
                host, _, port = self._address.removeprefix("tcp://").rpartition(":")
                self.clamd_socket = socket.create_connection((host, int(port)), seconds)
        except OSError as error:
            raise clamd.ConnectionError(type(error).__name__) from error

    def _send_command(self, command: str, *arguments: str) -> None:
        """NUL-terminated, so that no file name and no newline can end it early."""
        self._send(b"z" + " ".join((command, *arguments)).encode() + b"\0")

    def _send_descriptor(self, descriptor: int) -> None:
        self._send_command("FILDES")
        self.clamd_socket.settimeout(self._deadline.bound(IO_SECONDS))
        socket.send_fds(self.clamd_socket, [b"\0"], [descriptor])

    def _send_stream(self, descriptor: int) -> None:
        self._send_command("INSTREAM")
        position = 0
        # clamd hangs up on a stream over its limit, after saying so: its word is read next.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while chunk := os.pread(descriptor, STREAM_CHUNK_BYTES, position):
                position += len(chunk)
                self._send(struct.pack("!L", len(chunk)) + chunk)
            self._send(struct.pack("!L", 0))

    def _send(self, message: bytes) -> None:
        self.clamd_socket.settimeout(self._deadline.bound(IO_SECONDS))
        self.clamd_socket.sendall(message)

    def _receive_reply(self) -> bytes:
        """Everything up to the end of the connection, NUL included; at most 4 KiB."""
        reply = b""
        while len(reply) < MAX_REPLY_BYTES:
            self.clamd_socket.settimeout(self._deadline.bound(self._total_seconds))
            try:
                piece = self.clamd_socket.recv(MAX_REPLY_BYTES)
            except ConnectionResetError:
                # After its word on a stream over its limit, with the rest of the stream unread
                # (measured). No other reply may end so, and a clean one least of all.
                if reply.endswith(b" ERROR\0"):
                    break
                raise
            if not piece:
                break
            reply += piece
        return reply


def connect_unix(path: str, seconds: float) -> socket.socket:
    """A connection to a Unix socket, made within that time; no open socket is left on failure."""
    connecting = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connecting.settimeout(seconds)
        connecting.connect(path)
    except OSError:
        connecting.close()
        raise
    return connecting


@contextlib.contextmanager
def scanner_faults() -> Iterator[None]:
    """Everything that can break a conversation with clamd, as our three errors.

    Raises ScannerUnavailable, ScannerTimeout, ScannerError.
    """
    try:
        yield
    except clamd.ConnectionError as error:
        raise catalogue.ScannerUnavailable(note=str(error)) from error
    except TimeoutError as error:
        raise catalogue.ScannerTimeout() from error
    except OSError as error:
        raise catalogue.ScannerError(note=type(error).__name__) from error
