"""The sockets at which this process can be reached."""

from __future__ import annotations

import socket

from config.listening import listening_sockets


def name_and_close(handle: socket.socket) -> tuple[str, int]:
    with handle:
        return handle.getsockname()  # type: ignore[no-any-return]  # typeshed: Any


def test_whoever_listens_by_tcp_is_found_and_nobody_else() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.create_connection(listening.getsockname()) as client,
        socket.socket(type=socket.SOCK_DGRAM) as told,
    ):
        told.bind(("127.0.0.1", 0))

        found = {name_and_close(each) for each in listening_sockets()}

        assert listening.getsockname() in found
        assert not {client.getsockname(), told.getsockname()} & found
