"""The one body of every error, and the headers that go with it."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import catalogue
from errors.base import ServiceError
from errors.problem import (
    CONTENT_TYPE,
    FIXED_HEADERS,
    MAX_FAULTS,
    build_problem,
    encode_problem,
    problem_headers,
)
from tests.conftest import PROBLEM_SCHEMA
from tests.errors.examples import REQUEST_ID, any_error

REQUEST_IDS = st.text("0123456789abcdef", min_size=32, max_size=32)


def test_a_problem_reads_as_documented() -> None:
    error = catalogue.FileTooLarge(max_bytes=26214400, note="the staged file")

    assert build_problem(error, REQUEST_ID) == {
        "type": "/problems/file_too_large",
        "title": "File is too large",
        "status": 413,
        "code": "file_too_large",
        "detail": "The file is larger than 26214400 bytes.",
        "request_id": REQUEST_ID,
        "retryable": False,
        "retry_after": None,
        "errors": [
            {
                "code": "file_too_large",
                "detail": "The file is larger than 26214400 bytes.",
                "in": "part",
                "name": "file",
            }
        ],
        "meta": {"max_bytes": 26214400},
    }


def test_a_problem_without_faults_has_every_key_all_the_same() -> None:
    problem = build_problem(catalogue.NotFound(), REQUEST_ID)

    assert set(problem) == set(PROBLEM_SCHEMA["required"])
    assert (problem["errors"], problem["meta"], problem["retry_after"]) == ([], {}, None)


def test_the_content_type_has_no_parameter() -> None:
    assert CONTENT_TYPE == "application/problem+json"


def test_a_lone_surrogate_in_a_detail_cannot_break_the_body() -> None:
    error = catalogue.StateConflict(state="\udc80 \u202e é")

    body = encode_problem(error, REQUEST_ID)

    assert body.isascii()
    assert json.loads(body)["meta"] == {"state": "\udc80 \u202e é"}


@pytest.mark.property
@given(error=any_error(), request_id=REQUEST_IDS)
def test_any_error_makes_a_problem_of_the_schema(error: ServiceError, request_id: str) -> None:
    problem = json.loads(encode_problem(error, request_id))

    jsonschema.validate(problem, PROBLEM_SCHEMA)
    assert problem == build_problem(error, request_id)
    assert problem["type"] == f"/problems/{problem['code']}"


@pytest.mark.property
@given(error=any_error())
def test_the_faults_are_the_first_twenty_in_their_order(error: ServiceError) -> None:
    told = [(fault["in"], fault["name"]) for fault in build_problem(error, REQUEST_ID)["errors"]]

    assert told == [(fault.place, fault.name) for fault in error.faults][:MAX_FAULTS]


@pytest.mark.property
@given(error=any_error(), request_id=REQUEST_IDS)
def test_the_headers_repeat_the_body(error: ServiceError, request_id: str) -> None:
    headers = problem_headers(error, request_id)
    problem = build_problem(error, request_id)

    assert headers["X-Error-Code"] == problem["code"]
    assert headers["X-Request-ID"] == problem["request_id"]
    assert headers.get("Retry-After") == (
        None if problem["retry_after"] is None else str(problem["retry_after"])
    )
    assert headers.items() >= FIXED_HEADERS.items()


@pytest.mark.property
@given(error=any_error(), note=st.text(min_size=8, alphabet=st.characters(categories=["Lo"])))
def test_a_note_never_leaves_the_service(error: ServiceError, note: str) -> None:
    error.note = note
    sent = encode_problem(error, REQUEST_ID), problem_headers(error, REQUEST_ID)
    error.note = None

    assert sent == (encode_problem(error, REQUEST_ID), problem_headers(error, REQUEST_ID))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("Content-Language", "en"),
        ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
        ("Referrer-Policy", "no-referrer"),
    ],
)
def test_every_error_carries_the_fixed_header(name: str, value: str) -> None:
    headers: dict[str, Any] = problem_headers(catalogue.NotFound(), REQUEST_ID)

    assert headers[name] == value
