"""Has the kernel end connections whose client takes nothing, which the server waits for for ever.

As nginx's `send_timeout` does where it is in front. The server opens its socket itself, after it
has loaded us, and has no such option; what is set on a listening socket holds for what it accepts.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

DESCRIPTORS = Path("/proc/self/fd")
LOOK_SECONDS = 0.1
LISTENS_SECONDS = 60.0


def end_unread(
    stall_seconds: float,
    look_seconds: float = LOOK_SECONDS,
    within_seconds: float = LISTENS_SECONDS,
) -> bool:
    """Wait until this process listens, and set it; False when it never did."""
    never = threading.Event()
    for _ in range(int(within_seconds / look_seconds)):
        if bound_listeners(stall_seconds):
            return True
        never.wait(look_seconds)
    return False


def bound_listeners(stall_seconds: float) -> int:
    """How many listening sockets there are; what they accept from now on is bounded."""
    count = 0
    for listener in _listeners():
        with listener:
            milliseconds = int(stall_seconds * 1000)
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
            count += 1
    return count


def _listeners() -> Iterator[socket.socket]:
    """Copies of them, for the caller to close."""
    for path in list(DESCRIPTORS.iterdir()):
        try:
            found = _copy_of(path)
        except OSError:  # closed meanwhile
            continue
        if found and _is_listening(found):
            yield found
        elif found:
            found.close()


def _copy_of(path: Path) -> socket.socket | None:
    """None for what is no socket. Raises OSError for what is gone."""
    if not str(path.readlink()).startswith("socket:"):
        return None
    copy = os.dup(int(path.name))
    try:
        return socket.socket(fileno=copy)
    except OSError:
        os.close(copy)
        raise


def _is_listening(found: socket.socket) -> bool:
    is_tcp = found.family in (socket.AF_INET, socket.AF_INET6) and found.type == socket.SOCK_STREAM
    return is_tcp and bool(found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
