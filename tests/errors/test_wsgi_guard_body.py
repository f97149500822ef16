"""Request bodies at the guard: counted, read on after a refusal, or left and the line closed."""

from __future__ import annotations

import io
import itertools
import threading
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import wsgi_guard
from errors.wsgi_guard import CountedBody, WsgiGuard, drain
from tests.client import call, post_form, upload
from tests.conftest import assert_problem
from tests.stack import wait_until


class Source:
    """A body of that many bytes, which remembers how much was asked of it."""

    def __init__(self, length_bytes: int, most_bytes: int = 1 << 30) -> None:
        self.left, self.most_bytes, self.given_bytes = length_bytes, most_bytes, 0

    def read(self, size: int = -1, /) -> bytes:
        size = min(self.left, self.most_bytes, size if size >= 0 else self.left)
        self.left -= size
        self.given_bytes += size
        return bytes(size)

    def readline(self, size: int = -1, /) -> bytes:
        return self.read(size)


@pytest.mark.property
@given(
    content=st.binary(max_size=200),
    steps=st.lists(st.tuples(st.sampled_from(["read", "readline"]), st.integers(-1, 40))),
    extra=st.integers(-50, 50) | st.none(),
)
def test_the_body_counts_what_it_hands_out_and_changes_nothing(
    content: bytes, steps: list[tuple[str, int]], extra: int | None
) -> None:
    announced = None if extra is None else max(0, len(content) + extra)
    body, plain = CountedBody(io.BytesIO(content), announced), io.BytesIO(content)

    for name, size in steps:
        assert getattr(body, name)(size) == getattr(plain, name)(size)

    assert body.read_bytes == plain.tell()
    assert body.is_unread is (announced is None or plain.tell() < announced)


def test_without_a_size_the_server_is_asked_for_all_there_is() -> None:
    asked: list[int] = []

    class Noting(Source):
        def read(self, size: int = 0, /) -> bytes:
            asked.append(size)
            return super().read(size)

    body = CountedBody(Noting(9), 9)

    assert (body.read(), body.readline()) == (bytes(9), b"")
    assert asked == [-1, -1]  # PEP 3333 knows no other number for it


@pytest.mark.parametrize(
    ("environ", "closes"),
    [
        ({"CONTENT_LENGTH": "9"}, True),
        ({"CONTENT_LENGTH": "0"}, False),
        ({"CONTENT_LENGTH": ""}, False),
        ({"CONTENT_LENGTH": "nine"}, False),
        ({"HTTP_TRANSFER_ENCODING": "chunked"}, True),
        ({}, False),
    ],
)
def test_a_refusal_closes_the_connection_when_its_body_is_unread(
    environ: dict[str, Any], closes: bool
) -> None:
    told: dict[str, Any] = {"CONTENT_LENGTH": None} | environ
    answer = call("GET", "/nowhere", body=b"123456789", **told)

    assert answer.status == 404
    assert answer.headers.get("connection") == ("close" if closes else None)


@pytest.mark.django_db
def test_a_refusal_after_the_whole_body_keeps_the_connection(token: str) -> None:
    answer = upload(token, b"", "note.txt")

    assert_problem(answer, 422, "empty_file")
    assert "connection" not in answer.headers


def test_a_success_keeps_the_connection_whatever_was_sent() -> None:
    answer = call("GET", "/health/live", body=b"unread")

    assert (answer.status, answer.headers.get("connection")) == (200, None)


def test_exc_info_reaches_the_server() -> None:
    kept: list[Any] = []

    def failing_late(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("500 Late", [], ("type", "value", "traceback"))
        return [b"x"]

    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "wsgi.input": io.BytesIO()}
    list(WsgiGuard(failing_late, lambda e: "a" * 32)(environ, lambda *told: kept.extend(told)))
    assert kept == ["500 Late", [], ("type", "value", "traceback")]


# --- reading on ----------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_known_client_s_refused_body_is_read_to_its_end_after_the_answer(token: str) -> None:
    source = Source(3_000_000)

    answer = post_form(token, b"", stream=source, CONTENT_LENGTH="3000000", CONTENT_TYPE="a/b")

    assert_problem(answer, 415, "unsupported_media_type")
    assert answer.headers["connection"] == "close"
    assert source.given_bytes == 3_000_000


@pytest.mark.django_db
@pytest.mark.parametrize("token", [None, "wrong"])
def test_an_unknown_client_s_body_is_never_read(token: str | None) -> None:
    source = Source(3_000_000)

    answer = post_form(token, b"", stream=source, CONTENT_LENGTH="3000000")

    assert answer.status == 401
    assert (source.given_bytes, answer.headers["connection"]) == (0, "close")


def test_the_answer_is_sent_before_the_rest_is_read() -> None:
    source = Source(1000)

    def refusing(environ: Any, start_response: Any) -> Iterable[bytes]:
        environ["filesvc.drain"] = True
        start_response("413 Too large", [])
        return [b"refused"]

    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/", "wsgi.input": source}
    answer: Any = WsgiGuard(refusing, lambda e: "a" * 32)(
        environ | {"CONTENT_LENGTH": "1000"}, lambda status, headers: None
    )
    assert list(answer) == [b"refused"]
    assert source.given_bytes == 0
    answer.close()
    assert source.given_bytes == 1000


def test_reading_on_stops_at_its_limit() -> None:
    source = Source(wsgi_guard.MAX_DRAIN_BYTES * 2)

    drain(source)

    assert source.given_bytes == wsgi_guard.MAX_DRAIN_BYTES == 32 * 1024 * 1024


@pytest.mark.property
@given(length=st.integers(0, 3000), most=st.integers(1, 700), limit=st.integers(1, 2000))
def test_reading_on_takes_all_up_to_the_limit_and_never_more(
    length: int, most: int, limit: int
) -> None:
    source = Source(length, most)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wsgi_guard, "MAX_DRAIN_BYTES", limit)
        patch.setattr(wsgi_guard, "DRAIN_CHUNK_BYTES", 256)
        drain(source)

    assert source.given_bytes == min(length, limit)


def test_only_a_few_bodies_are_read_on_at_once() -> None:
    go_on, waiting = threading.Event(), itertools.count(1)
    reached: list[int] = []

    class Slow(Source):
        def read(self, size: int = -1, /) -> bytes:
            reached.append(next(waiting))
            assert go_on.wait(30)
            return b""

    readers = [
        threading.Thread(target=drain, args=(Slow(1),)) for _ in range(wsgi_guard.MAX_DRAINS)
    ]
    try:
        for reader in readers:
            reader.start()
        wait_until(lambda: len(reached) == wsgi_guard.MAX_DRAINS, 30, "all places are taken")
        one_more = Source(100)
        drain(one_more)
        assert one_more.given_bytes == 0
    finally:
        go_on.set()
        for reader in readers:
            reader.join()
    later = Source(100)
    drain(later)
    assert later.given_bytes == 100


def test_a_client_that_is_gone_gives_its_place_back() -> None:
    class Gone(Source):
        def read(self, size: int = -1, /) -> bytes:
            raise ConnectionResetError

    for _ in range(wsgi_guard.MAX_DRAINS + 1):
        drain(Gone(1))
    source = Source(100)
    drain(source)
    assert source.given_bytes == 100
