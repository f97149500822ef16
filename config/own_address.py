"""Under which addresses this machine or container is reached by its neighbours."""

from __future__ import annotations

import socket


def own_addresses() -> list[str]:
    """IPv4 addresses of this host's own name; none when nobody knows it."""
    try:
        return socket.gethostbyname_ex(socket.gethostname())[2]
    except OSError:
        return []
