"""What a process accepts after it listens is ended by the kernel when nobody reads it."""

from __future__ import annotations

import socket
import threading

from config.unread import bound_listeners, end_unread


def test_what_is_accepted_by_a_bounded_listener_is_bounded() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert end_unread(1.5) is True

        with socket.create_connection(listener.getsockname()), listener.accept()[0] as accepted:
            told = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)

    assert told == 1500


def test_a_socket_that_does_not_listen_yet_is_waited_for() -> None:
    already = bound_listeners(1.0)
    one, other = socket.socketpair()
    with socket.socket() as late, one, other:
        late.bind(("127.0.0.1", 0))
        assert bound_listeners(1.0) == already

        late.listen()

        assert bound_listeners(1.0) == already + 1


def test_a_process_that_never_listens_is_not_watched_for_ever() -> None:
    ended = threading.Thread(target=end_unread, args=(1.0, 0.01, 0.0))
    ended.start()

    ended.join(10)

    assert not ended.is_alive()
