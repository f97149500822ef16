"""Finds the sockets the server listens on: it opens them itself, after it has loaded us."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

DESCRIPTORS = Path("/proc/self/fd")


def listening_sockets() -> Iterator[socket.socket]:
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
