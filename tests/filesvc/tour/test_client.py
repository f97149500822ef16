"""The client of the tour: when it waits, and what it tells when it cannot go on."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesvc.tour import files
from filesvc.tour.client import LONGEST_WINDOW_SECONDS, Client, NoTour

Told = tuple[int, dict[str, str], bytes]
LIMITED = b'{"code": "rate_limited"}'
BUSY = b'{"code": "overloaded"}'


class Reciting(BaseHTTPRequestHandler):
    """Answers one request after the other with what is next."""

    answers: Iterator[Told]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status, headers, body = next(Reciting.answers)
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Where it listens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Reciting)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def refusal(seconds: int, body: bytes = LIMITED) -> Told:
    return 429, {"Retry-After": str(seconds)}, body


def visitor(port: int, waits: list[float]) -> Client:
    """A client that waits for nothing, and notes how long it would have."""
    return Client(f"http://127.0.0.1:{port}", "a-token", lambda _: None, waits.append)


@pytest.mark.property
@given(seconds=st.integers(0, LONGEST_WINDOW_SECONDS), second=st.sampled_from([201, 429, 500]))
def test_an_upload_that_comes_too_soon_is_sent_once_more_when_it_may_be(
    port: int, seconds: int, second: int
) -> None:
    Reciting.answers = iter([refusal(seconds), (second, {}, b"{}")])
    waits: list[float] = []
    client = visitor(port, waits)

    assert client.upload(files.text()).status == second

    assert (waits, client.waited_seconds) == ([seconds], seconds)


def test_a_service_that_has_no_room_is_not_asked_again(port: int) -> None:
    Reciting.answers = iter([refusal(5, BUSY)])
    waits: list[float] = []

    assert visitor(port, waits).upload(files.text()).told == "429 overloaded"

    assert waits == []


def test_nobody_waits_for_tomorrow(port: int) -> None:
    Reciting.answers = iter([refusal(LONGEST_WINDOW_SECONDS + 1)])

    with pytest.raises(NoTour, match="may upload again in 301 s"):
        visitor(port, []).upload(files.text())


def test_a_service_whose_certificate_cannot_be_checked_is_told_with_the_way_out(port: int) -> None:
    client = Client(f"https://127.0.0.1:{port}", "a-token", lambda _: None)

    with pytest.raises(NoTour, match="is not trusted: .*--ca FILE names its CA"):
        client.ask("GET", "/policy/")
