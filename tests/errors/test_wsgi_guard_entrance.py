"""Shedding at the door: a request with a body takes a place before anything is asked about it."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from errors import catalogue
from errors.metrics import UPLOADS
from errors.wsgi_guard import WsgiGuard
from tests.client import Answer, call, upload
from tests.conftest import assert_problem


class Door:
    """An entrance that counts who is inside."""

    def __init__(self, places: int) -> None:
        self.places = places

    def take_or_refuse(self) -> None:
        if not self.places:
            raise catalogue.Overloaded(retry_after_seconds=3)
        self.places -= 1

    def release(self) -> None:
        self.places += 1


def ask(door: Door, app: Any, body: bytes = b"hello", *, is_closed: bool = True) -> Any:
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        started[:] = [status, headers]

    guard = WsgiGuard(app, lambda environ: "ab" * 16, entrance=door)
    chunks: Any = guard(environ, start_response)
    answer = Answer(int(started[0][:3]), {k.lower(): v for k, v in started[1]}, b"".join(chunks))
    if is_closed and hasattr(chunks, "close"):
        chunks.close()
    return answer


def content(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [])
    return [b"done"]


def crashing(environ: Any, start_response: Any) -> Iterable[bytes]:
    raise ValueError


def test_a_full_service_refuses_a_body_before_it_asks_anything() -> None:
    def never(environ: Any, start_response: Any) -> Iterable[bytes]:
        raise AssertionError

    answer = ask(Door(0), never)

    assert_problem(answer, 503, "overloaded")
    assert answer.headers["retry-after"] == "3"
    assert answer.headers["connection"] == "close"


def test_a_request_without_a_body_needs_no_place() -> None:
    assert ask(Door(0), content, b"").status == 200


@pytest.mark.parametrize("app", [content, crashing])
def test_the_place_is_given_back_whatever_the_end_is(app: Any) -> None:
    door = Door(1)

    ask(door, app)

    assert door.places == 1


def test_the_place_is_held_until_the_answer_is_sent() -> None:
    door = Door(1)

    ask(door, content, is_closed=False)

    assert door.places == 0


@contextlib.contextmanager
def full_house() -> Iterator[None]:
    from security.concurrency import entrance_slots

    with contextlib.ExitStack() as taken:
        with contextlib.suppress(catalogue.Overloaded):
            while True:
                taken.enter_context(entrance_slots.take())
        yield


@pytest.mark.django_db
def test_a_full_house_refuses_uploads_and_answers_everything_else(token: str) -> None:
    with full_house():
        refused = upload(token, b"hello")
        assert call("GET", "/health/live").status == 200
        assert call("GET", "/files/", token=token).status == 200

    assert_problem(refused, 503, "overloaded")
    assert 1 <= int(refused.headers["retry-after"]) <= 4
    assert upload(token, b"hello").status == 201


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/upload", "/upload/"])
def test_an_upload_that_is_refused_at_the_entrance_is_counted_once(path: str, token: str) -> None:
    with full_house():
        for method, target, more in [("POST", path, 1), ("POST", "/files/", 0), ("PUT", path, 0)]:
            before = counted("overloaded")
            assert call(method, target, token=token, body=b"hello").code == "overloaded"

            assert counted("overloaded") == before + more


@pytest.mark.django_db
def test_an_upload_that_came_further_is_counted_once_too(token: str) -> None:
    before = counted("unsupported_media_type"), counted("accepted")

    assert call("POST", "/upload/", token=token, body=b"hello").code == "unsupported_media_type"
    assert upload(token, b"hello").status == 201

    assert (counted("unsupported_media_type"), counted("accepted")) == tuple(
        count + 1 for count in before
    )


def counted(code: str) -> float:
    return float(UPLOADS.labels(code)._value.get())
