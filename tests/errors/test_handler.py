"""Whatever a view raises or answers, the client gets the Problem and the log one line."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.signals import got_request_exception
from django.test import RequestFactory
from hypothesis import given

from errors import catalogue, handler
from errors.base import ServiceError
from errors.handler import answer, handle_404, handle_500, log_error
from tests.client import call
from tests.conftest import assert_problem
from tests.errors.examples import REQUEST_ID, any_error
from tests.errors.routes import PLANTED, RAISED, UNFORESEEN

Events = list[dict[str, Any]]
everywhere = pytest.mark.parametrize("where", ["drf", "plain"])
every_kind = pytest.mark.parametrize("kind", RAISED)


@pytest.fixture(autouse=True)
def failing_routes(settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.errors.routes"


@pytest.fixture
def reported() -> Iterator[list[Any]]:
    """The requests whose exception Django's signal told of; Sentry listens there."""
    requests: list[Any] = []

    def keep(sender: Any, request: Any, **more: Any) -> None:
        requests.append(request)

    got_request_exception.connect(keep)
    yield requests
    got_request_exception.disconnect(keep)


@everywhere
@every_kind
def test_each_exception_is_answered_by_its_problem(where: str, kind: str) -> None:
    _, status, code = RAISED[kind]

    answer = call("GET", f"/{where}/{kind}/?q={PLANTED}", headers={"X-Test": PLANTED})

    assert_problem(answer, status, code)
    assert PLANTED not in f"{answer.body!r} {answer.headers}"


@everywhere
@every_kind
def test_each_error_is_logged_once_with_what_operators_need(
    where: str, kind: str, log_events: Events
) -> None:
    _, status, code = RAISED[kind]

    answer = call("GET", f"/{where}/{kind}/")

    assert len(log_events) == 1
    line = log_events[0]
    assert (line["code"], line["status"]) == (code, status)
    assert line["request_id"] == answer.headers["x-request-id"]
    assert line["stage"]
    assert 0 <= line["duration_ms"] < 60_000
    assert (line["event"], line["level"]) == (
        ("request.failed", "error") if status >= 500 else ("request.refused", "info")
    )


@everywhere
@every_kind
def test_only_an_unforeseen_exception_leaves_its_traceback_in_the_log(
    where: str, kind: str, log_events: Events
) -> None:
    call("GET", f"/{where}/{kind}/")

    traceback = log_events[0].get("exception", "")
    assert ("Traceback" in traceback) is (kind in UNFORESEEN)
    assert ("routes.py" in traceback) is (kind in UNFORESEEN)


@every_kind
def test_inside_drf_only_the_unforeseen_is_reported(kind: str, reported: list[Any]) -> None:
    call("GET", f"/drf/{kind}/")

    assert [request.path for request in reported] == (
        [f"/drf/{kind}/"] if kind in UNFORESEEN else []
    )


@pytest.mark.parametrize("kind", UNFORESEEN)
def test_outside_drf_the_unforeseen_is_reported_once(kind: str, reported: list[Any]) -> None:
    call("GET", f"/plain/{kind}/")

    assert len(reported) == 1


def test_an_operator_s_note_is_logged_and_not_sent(log_events: Events) -> None:
    answer = call("GET", "/drf/ours/")

    assert log_events[0]["note"] == PLANTED
    assert PLANTED.encode() not in answer.body


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (400, 400, "suspicious_request"),
        (401, 401, "authentication_required"),
        (403, 403, "permission_denied"),
        (404, 404, "not_found"),
        (503, 503, "service_unavailable"),
        (418, 500, "internal_error"),
        (500, 500, "internal_error"),
    ],
)
def test_a_stray_error_answer_is_replaced_by_a_problem(
    sent: int, status: int, code: str, log_events: Events
) -> None:
    answer = call("GET", f"/answer/{sent}/")

    assert_problem(answer, status, code)
    assert PLANTED not in f"{answer.body!r} {answer.headers}"
    assert [line["code"] for line in log_events] == [code]


@pytest.mark.parametrize("status", [200, 206, 302, 399])
def test_an_answer_that_is_no_error_is_left_alone(status: int, log_events: Events) -> None:
    answer = call("GET", f"/answer/{status}/")

    assert (answer.status, answer.body) == (status, f"<h1>{PLANTED}</h1>".encode())
    assert log_events == []


def test_a_problem_is_not_replaced_by_another(log_events: Events) -> None:
    assert_problem(call("GET", "/problem/"), 403, "file_quarantined")
    assert log_events == []


def test_an_unknown_address_is_not_found_and_not_repeated() -> None:
    answer = call("GET", f"/{PLANTED}?{PLANTED}={PLANTED}")

    assert_problem(answer, 404, "not_found")
    assert PLANTED.encode() not in answer.body


@pytest.mark.parametrize("host", [PLANTED + ".example", "testserver:junk", "a b", "", None])
@pytest.mark.parametrize("path", ["/drf/key/", "/nowhere/"])
def test_a_foreign_or_missing_host_is_refused_everywhere(host: str | None, path: str) -> None:
    answer = call("GET", path, HTTP_HOST=host, SERVER_NAME="elsewhere")

    assert_problem(answer, 400, "invalid_host")
    assert PLANTED.encode() not in answer.body


def test_a_refused_method_is_told_the_allowed_ones() -> None:
    answer = call("DELETE", "/drf/key/")

    problem = assert_problem(answer, 405, "method_not_allowed")
    assert sorted(answer.headers["allow"].split(", ")) == problem["meta"]["allowed"]
    assert problem["meta"]["allowed"] == ["GET", "HEAD", "POST"]


def test_a_client_that_accepts_nothing_we_have_is_told_what_there_is() -> None:
    problem = assert_problem(
        call("GET", "/drf/key/", headers={"Accept": "text/html"}), 406, "not_acceptable"
    )

    assert problem["meta"] == {"supported": ["application/json", "application/problem+json"]}
    assert [fault["name"] for fault in problem["errors"]] == ["Accept"]


def test_a_500_without_an_exception_is_still_a_problem(log_events: Events) -> None:
    response = handle_500(RequestFactory().get("/"))

    assert (response.status_code, response.headers["X-Error-Code"]) == (500, "internal_error")
    assert log_events[0]["duration_ms"] is None


@pytest.mark.parametrize("respond", [handle_500, lambda request: handle_404(request, KeyError())])
def test_the_log_tells_the_milliseconds_since_the_guard(
    respond: Any, log_events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "time", SimpleNamespace(monotonic=lambda: 10.2504))
    request = RequestFactory().get("/")
    request.META["filesvc.started"] = 3.0

    respond(request)

    assert log_events[0]["duration_ms"] == 7250


def test_without_the_guard_the_id_is_all_zeros() -> None:
    response = answer(RequestFactory().get("/"), catalogue.NotFound())

    assert response.headers["X-Request-ID"] == "0" * 32


@pytest.mark.property
@given(error=any_error())
def test_any_error_is_logged_in_one_line_as_it_is_answered(
    error: ServiceError, log_events: Events
) -> None:
    log_events.clear()
    log_error(error, request_id=REQUEST_ID, cause=KeyError("cause"), duration_ms=7)

    assert len(log_events) == 1
    line = log_events[0]
    assert (line["code"], line["status"], line["stage"], line["note"]) == (
        error.code,
        error.status,
        error.stage,
        error.note,
    )
    assert (line["request_id"], line["duration_ms"]) == (REQUEST_ID, 7)
    assert ("exception" in line) is (error.code == "internal_error")
