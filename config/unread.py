"""Has the kernel close connections whose client stops reading; the server would wait for ever.

As nginx's `send_timeout` does where it is in front. The server opens its socket itself, after it
has loaded us, and has no such option; what is set on a listening socket holds for what it accepts.
"""

from __future__ import annotations

import socket
import threading

from config.listening import listening_sockets

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
    for listener in listening_sockets():
        with listener:
            milliseconds = int(stall_seconds * 1000)
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
            count += 1
    return count
