"""The last net: what Django cannot answer is answered all the same, and bodies are counted."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import catalogue, wsgi_guard
from errors.wsgi_guard import WsgiGuard
from tests.client import Answer, call
from tests.conftest import assert_problem
from tests.errors.requests import BAD_CONTENT_TYPE, MARKS, requests

NEEDS_TOKEN = {"authentication_required", "invalid_token", "token_expired", "insufficient_scope"}
Events = list[dict[str, Any]]


def guarded(app: Any, method: str = "GET", **environ: Any) -> Answer:
    """One request through a guard round `app` alone."""
    told: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": "/", "wsgi.input": io.BytesIO()}
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        started[:] = [status, headers, exc_info]

    chunks = WsgiGuard(app, lambda environ: "ab" * 16)(told | environ, start_response)
    body = b"".join(chunks)
    if hasattr(chunks, "close"):
        chunks.close()
    return Answer(int(started[0][:3]), {k.lower(): v for k, v in started[1]}, body)


def crashing(environ: Any, start_response: Any) -> Iterable[bytes]:
    raise ValueError("Zq7Xk9Vw of a client")


# --- what Django cannot answer ---------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/upload/", "/files/", "/nowhere", "/health/live"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_content_type_django_crashes_on_is_refused_on_every_url(path: str, method: str) -> None:
    answer = call(method, path, CONTENT_TYPE=BAD_CONTENT_TYPE)

    problem = assert_problem(answer, 400, "malformed_header")
    assert [(fault["in"], fault["name"]) for fault in problem["errors"]] == [
        ("header", "Content-Type")
    ]


@pytest.mark.parametrize("charset", ["rot13", "base64", "hex", "zip", "undefined"])
def test_a_charset_that_is_no_text_encoding_is_refused(charset: str) -> None:
    answer = call("GET", "/policy/?a=%ff", CONTENT_TYPE=f"text/plain; charset={charset}")

    assert_problem(answer, 400, "malformed_header")


def test_a_charset_that_cannot_decode_the_query_is_refused() -> None:
    answer = call("GET", "/policy/?a=%ff", CONTENT_TYPE="text/plain; charset=idna")

    assert answer.status == 400
    assert_problem(answer, 400, str(answer.code))


def test_more_parameters_than_django_takes_are_refused_before_anyone_is_known() -> None:
    answer = call("GET", "/policy/?" + "a&" * 1001, CONTENT_TYPE="text/plain; charset=utf-8")

    assert_problem(answer, 400, "suspicious_request")


def test_an_application_that_raises_is_answered_for(log_events: Events) -> None:
    answer = guarded(crashing)

    assert_problem(answer, 500, "internal_error")
    assert b"Zq7Xk9Vw" not in answer.body
    assert [(line["code"], line["note"]) for line in log_events] == [
        ("internal_error", "ValueError")
    ]
    assert "Traceback" in log_events[0]["exception"]


def test_an_error_of_ours_that_got_this_far_keeps_its_code() -> None:
    def full(environ: Any, start_response: Any) -> Iterable[bytes]:
        raise catalogue.StorageFull

    assert_problem(guarded(full), 507, "storage_full")


def test_the_static_answer_announces_its_own_length() -> None:
    answer = guarded(crashing)

    assert answer.headers["content-length"] == str(len(answer.body))


def test_a_head_request_gets_the_headers_and_no_body() -> None:
    answer = guarded(crashing, "HEAD")

    assert (answer.status, answer.code, answer.body) == (500, "internal_error", b"")
    assert int(answer.headers["content-length"]) > 0


def test_each_refusal_is_logged_once(log_events: Events) -> None:
    answer = call("GET", "/", CONTENT_TYPE=BAD_CONTENT_TYPE)

    assert [line["code"] for line in log_events] == ["malformed_header"]
    assert log_events[0]["request_id"] == answer.headers["x-request-id"]
    assert log_events[0]["duration_ms"] >= 0
    assert "exception" not in log_events[0]


def test_the_log_tells_the_milliseconds_a_refusal_took(
    log_events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(monotonic=iter([3.0, 10.2504]).__next__)
    monkeypatch.setattr(wsgi_guard, "time", clock)

    guarded(crashing)

    assert log_events[0]["duration_ms"] == 7250


@pytest.mark.django_db
def test_a_refusal_here_is_not_logged_under_the_user_before_it(
    token: str, log_events: Events
) -> None:
    assert call("GET", "/files/", token=token).status == 200
    call("GET", "/", CONTENT_TYPE=BAD_CONTENT_TYPE)

    assert "user_id" not in log_events[-1]


# --- any request at all ------------------------------------------------------------------

GIVEAWAYS = (b"Traceback", b"Error at", b".py", b"<html", b"django", b"rest_framework")


@pytest.mark.property
@pytest.mark.django_db
@given(request=requests(), known=st.booleans())
def test_any_request_is_served_or_answered_by_a_problem_that_repeats_nothing(
    request: tuple[str, str, dict[str, Any]], known: bool, token: str, log_events: Events
) -> None:
    method, target, more = request
    log_events.clear()

    answer = call(method, target, token=token if known else None, **more)

    if answer.status < 400:
        assert not [line for line in log_events if "code" in line]
        return
    if not answer.body:
        assert (method, bool(answer.code)) == ("HEAD", True)
        return
    problem = assert_problem(answer, answer.status, str(answer.code))
    assert answer.status != 500
    assert ("www-authenticate" in answer.headers) is (problem["code"] in NEEDS_TOKEN)
    assert [line["code"] for line in log_events if "code" in line] == [problem["code"]]
    sent = answer.body + "\n".join(answer.headers.values()).encode("latin-1")
    assert not [word for word in GIVEAWAYS if word in sent]
    for mark in MARKS:
        runs = {mark[start : start + 8].encode() for start in range(len(mark) - 7)}
        assert not [run for run in runs if run in sent]


def test_two_requests_have_two_ids() -> None:
    ids = {call("GET", "/nowhere").headers["x-request-id"] for _ in range(5)}

    assert len(ids) == 5
    assert all(uuid.UUID(hex=text).hex == text for text in ids)
