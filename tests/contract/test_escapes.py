"""Where errors escape by default and what we answer: CONTRACT.md section 7, what views raise."""

from __future__ import annotations

import json
from typing import Any
from unittest import mock

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.core.signals import got_request_exception
from django.db import IntegrityError
from django.middleware.csrf import CsrfViewMiddleware
from django.test import RequestFactory
from django_ratelimit.exceptions import Ratelimited
from hypothesis import given
from hypothesis import strategies as st
from rest_framework import exceptions as drf
from rest_framework.renderers import JSONRenderer
from rest_framework.views import exception_handler

from errors.handler import handle_exception
from tests.client import call, file_part, form, post_form, text_part, upload
from tests.conftest import PROBLEM, assert_problem
from tests.contract import plain
from tests.errors.requests import BAD_CONTENT_TYPE

OURS = "tests.errors.routes"  # our settings, on views that fail
PLANTED = "Zq7Xk9VwB3nM"  # what those views put into their exceptions
NEVER_SEEN = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ{}<>\udc80", min_size=1, max_size=12)
DETAILS = st.recursive(
    NEVER_SEEN,
    lambda inner: st.lists(inner, max_size=30) | st.dictionaries(NEVER_SEEN, inner, max_size=30),
    max_leaves=40,
)


def test_row_01_an_unknown_url() -> None:
    assert plain.is_html(plain.ask("GET", "/nowhere"))

    assert_problem(call("GET", "/nowhere"), 404, "not_found")


def test_row_02_an_exception_in_a_drf_view(settings: Any) -> None:
    assert exception_handler(ValueError(), {}) is None
    by_default = plain.ask("GET", "/error/value/")
    assert (by_default.status, plain.is_html(by_default)) == (500, True)

    settings.ROOT_URLCONF = OURS
    reported: list[Any] = []

    def listen(request: Any, **more: Any) -> None:
        reported.append(request.path)

    got_request_exception.connect(listen)
    assert_problem(call("GET", "/drf/key/"), 500, "internal_error")
    got_request_exception.disconnect(listen)
    assert reported == ["/drf/key/"]


def test_row_02_an_exception_outside_drf_meets_the_second_net(settings: Any) -> None:
    assert plain.is_html(plain.ask("GET", "/fail/"))

    settings.ROOT_URLCONF = OURS
    assert_problem(call("GET", "/plain/key/"), 500, "internal_error")


@pytest.mark.parametrize("host", ["evil.example", "a b", "testserver/../x", "[::1", ""])
def test_row_03_a_bad_host(host: str) -> None:
    # No database mark: a handler that asked the database would be stopped here.
    assert plain.is_html(plain.ask("GET", "/upload/", HTTP_HOST=host))
    careless = {"ROOT_URLCONF": "tests.contract.careless"}
    assert plain.ask("GET", "/upload/", apps=careless, HTTP_HOST=host).status == 500

    problem = assert_problem(call("GET", "/policy/", HTTP_HOST=host), 400, "invalid_host")
    assert [fault["name"] for fault in problem["errors"]] == ["Host"]


@pytest.mark.django_db
def test_row_04_too_many_files(token: str, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 5
    body = form(*[file_part(b"x", part=f"file{number}") for number in range(17)])
    by_default = plain.send(body)
    assert (by_default.status, plain.is_html(by_default)) == (400, True)

    problem = assert_problem(post_form(token, body), 400, "too_many_parts")
    assert problem["meta"] == {"max_parts": 16}


@pytest.mark.django_db
def test_row_04_too_many_fields(token: str, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 5
    body = form(*[text_part(f"field{number}", "x") for number in range(9)])
    by_default = plain.send(body)
    assert (by_default.status, plain.is_html(by_default)) == (400, True)

    problem = assert_problem(post_form(token, body), 400, "too_many_fields")
    assert problem["meta"] == {"max_fields": 8}


def test_row_04_too_much_data(settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    by_default = plain.send(form(text_part("field", "x" * 100)))
    assert (by_default.status, plain.is_html(by_default)) == (400, True)

    settings.ROOT_URLCONF = OURS
    problem = assert_problem(call("GET", "/drf/too-big/"), 413, "payload_too_large")
    assert problem["meta"] == {"max_bytes": 10}


@pytest.mark.django_db
def test_row_05_a_client_over_its_rate(token: str, settings: Any) -> None:
    assert issubclass(Ratelimited, PermissionDenied)
    by_default = exception_handler(Ratelimited(), {})
    assert by_default is not None
    assert by_default.status_code == 403

    settings.UPLOAD_RATE = "1/d"
    assert upload(token, b"hello").status == 201
    problem = assert_problem(upload(token, b"hello"), 429, "rate_limited")
    assert problem["meta"] == {"violated_policies": ["upload"]}


@pytest.mark.parametrize("path", ["/", "/upload/", "/files/", "/nowhere", "/metrics"])
def test_row_10_a_content_type_that_crashes_the_request_object(path: str) -> None:
    with pytest.raises((ValueError, LookupError)):
        call("GET", path, application=WSGIHandler(), CONTENT_TYPE=BAD_CONTENT_TYPE)

    assert_problem(call("GET", path, CONTENT_TYPE=BAD_CONTENT_TYPE), 400, "malformed_header")


def test_row_11_an_error_text_with_a_lone_surrogate(settings: Any) -> None:
    with pytest.raises(UnicodeEncodeError):
        JSONRenderer().render({"detail": "\udc80"})

    settings.ROOT_URLCONF = OURS
    for where in ("drf", "plain"):
        answer = call("GET", f"/{where}/surrogate/")
        assert_problem(answer, 500, "internal_error")
        assert answer.body.isascii()


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/files/?%ed%b2%80=1", "/files/%ed%b2%80/", "/%ed%b2%80"])
def test_row_11_a_lone_surrogate_in_the_address(token: str, path: str) -> None:
    answer = call("GET", path, token=token)

    assert_problem(answer, answer.status, str(answer.code))
    assert answer.status in (400, 404)


INSIDE = {"validation": ValidationError, "integrity": IntegrityError}


@pytest.mark.parametrize("kind", INSIDE)
def test_row_27_an_exception_of_django_in_a_view(settings: Any, kind: str) -> None:
    by_default = plain.ask("GET", f"/error/{kind}/")
    assert (by_default.status, plain.is_html(by_default)) == (500, True)

    settings.ROOT_URLCONF = OURS
    raised = {kind: (lambda: INSIDE[kind](PLANTED), 500, "internal_error")}
    with mock.patch.dict("tests.errors.routes.RAISED", raised):
        answer = call("GET", f"/drf/{kind}/")
    assert_problem(answer, 500, "internal_error")
    assert PLANTED.encode() not in answer.body


@pytest.mark.property
@given(detail=DETAILS)
def test_row_28_a_validation_error_of_any_shape(detail: Any) -> None:
    by_default = exception_handler(drf.ValidationError(detail), {})
    assert by_default is not None
    assert "errors" not in by_default.data  # its shape is the detail's own

    request = RequestFactory().get("/")
    request.META["filesvc.request_id"] = "0" * 32
    answer = handle_exception(drf.ValidationError(detail), {"request": request})
    problem = json.loads(answer.content)
    PROBLEM.validate(problem)
    assert (answer.status_code, problem["code"]) == (422, "validation_failed")
    assert 1 <= len(problem["errors"]) <= 20
    assert {fault["name"] for fault in problem["errors"]} == {""}


@pytest.mark.parametrize("wait", [None, 0, 0.2, 7.5])
def test_row_29_throttled_without_a_time_to_wait(wait: float | None) -> None:
    by_default = exception_handler(drf.Throttled(), {})
    assert by_default is not None
    assert "Retry-After" not in by_default.headers

    request = RequestFactory().get("/")
    answer = handle_exception(drf.Throttled(wait), {"request": request})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= max(1, wait or 0)


def test_row_34_a_form_from_another_site(settings: Any) -> None:
    request = RequestFactory(enforce_csrf_checks=True).post("/upload/")
    refused = CsrfViewMiddleware(lambda request: None).process_view(  # type: ignore[arg-type]  # a view nobody calls
        request, plain.fail, (), {}
    )
    assert refused is not None
    assert refused.headers["Content-Type"].startswith("text/html")

    cookie = {"Cookie": "csrftoken=" + "a" * 32, "Origin": "https://evil.example"}
    assert_problem(call("POST", "/upload/", headers=cookie), 401, "authentication_required")
    settings.ROOT_URLCONF = OURS
    assert_problem(call("GET", "/answer/403/"), 403, "permission_denied")


def test_row_35_debug_left_on(settings: Any) -> None:
    settings.DEBUG = True
    by_default = plain.ask("GET", "/fail/")
    assert (by_default.status, b"Traceback" in by_default.body) == (500, True)

    settings.ROOT_URLCONF = OURS
    assert_problem(call("GET", "/nowhere"), 404, "not_found")
    assert_problem(call("GET", "/plain/key/"), 500, "internal_error")
    assert_problem(call("GET", "/policy/", HTTP_HOST="a b"), 400, "suspicious_request")
    with pytest.raises(SystemCheckError, match="filesvc.E003"):
        call_command("check", "--deploy", "--tag", "security")
