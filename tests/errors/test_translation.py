"""Foreign exceptions become ours, by the most specific row of one table."""

from __future__ import annotations

from typing import Any

import jsonschema
import psycopg
import pytest
from django.conf import settings
from django.core import exceptions as django
from django.db import Error, IntegrityError, InterfaceError, OperationalError
from django.http import Http404, UnreadablePostError
from hypothesis import given
from hypothesis import strategies as st
from rest_framework import exceptions as drf

from errors import catalogue
from errors.base import ServiceError
from errors.problem import build_problem
from errors.translation import TABLE, translate
from tests.conftest import PROBLEM_SCHEMA
from tests.errors.examples import REQUEST_ID, any_error

PLANTED = "Zq7Xk9Vw"


@pytest.mark.parametrize(
    ("foreign", "code"),
    [
        (Http404(PLANTED), "not_found"),
        (drf.NotFound(PLANTED), "not_found"),
        (drf.NotAuthenticated(PLANTED), "authentication_required"),
        (drf.AuthenticationFailed(PLANTED), "invalid_token"),
        (drf.PermissionDenied(PLANTED), "permission_denied"),
        (django.PermissionDenied(PLANTED), "permission_denied"),
        (drf.MethodNotAllowed(PLANTED), "method_not_allowed"),
        (drf.NotAcceptable(PLANTED), "not_acceptable"),
        (drf.UnsupportedMediaType(PLANTED), "unsupported_media_type"),
        (drf.ParseError(PLANTED), "malformed_multipart"),
        (drf.ValidationError({"processed": [PLANTED]}), "validation_failed"),
        (UnreadablePostError(PLANTED), "incomplete_body"),
        (django.RequestDataTooBig(PLANTED), "payload_too_large"),
        (django.DisallowedHost(PLANTED), "invalid_host"),
        (django.SuspiciousOperation(PLANTED), "suspicious_request"),
        (django.BadRequest(PLANTED), "suspicious_request"),
        (OperationalError(PLANTED), "database_unavailable"),
        (InterfaceError(PLANTED), "database_unavailable"),
        (IntegrityError(PLANTED), "internal_error"),
        (Error(PLANTED), "internal_error"),
        (django.ValidationError(PLANTED), "internal_error"),
        (drf.Throttled(9, PLANTED), "rate_limited"),
        (drf.APIException(PLANTED), "internal_error"),
        (OSError(PLANTED), "internal_error"),
        (KeyError(PLANTED), "internal_error"),
        (RecursionError(PLANTED), "internal_error"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_each_foreign_exception_has_its_code_and_none_of_its_text(
    foreign: Exception, code: str
) -> None:
    error = translate(foreign)

    assert error.code == code
    assert PLANTED not in f"{build_problem(error, REQUEST_ID)} {error.headers} {error.note}"


@pytest.mark.parametrize(
    ("foreign", "code"),
    [
        (django.DisallowedRedirect("x"), "suspicious_request"),
        (django.TooManyFilesSent("x"), "suspicious_request"),
        (django.TooManyFieldsSent("x"), "suspicious_request"),
        (type("Special", (django.RequestDataTooBig,), {})("x"), "payload_too_large"),
        (type("Special", (drf.NotFound,), {})("x"), "not_found"),
        (type("Both", (django.DisallowedHost, OperationalError), {})("x"), "invalid_host"),
        (type("Both", (OperationalError, django.DisallowedHost), {})("x"), "database_unavailable"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_an_unlisted_exception_is_taken_for_its_nearest_ancestor(
    foreign: Exception, code: str
) -> None:
    assert translate(foreign).code == code


@pytest.mark.parametrize(
    ("wait", "told"), [(None, 1), (0, 1), (0.2, 1), (1, 1), (1.2, 2), (60, 60)]
)
def test_a_wait_is_told_in_whole_seconds_and_is_one_at_least(wait: Any, told: int) -> None:
    assert translate(drf.Throttled(wait)).retry_after_seconds == told


def test_an_unknown_exception_leaves_only_its_class_in_the_note() -> None:
    error = translate(ZeroDivisionError("1/0 of " + PLANTED))

    assert isinstance(error, catalogue.InternalError)
    assert error.note == "ZeroDivisionError"


def test_an_unreachable_database_is_noted_by_the_driver_s_own_class() -> None:
    wrapped = OperationalError("the text may quote values")
    wrapped.__cause__ = psycopg.errors.QueryCanceled("the text may quote values")

    assert translate(wrapped).note == "QueryCanceled"
    assert translate(OperationalError("x")).note == "OperationalError"


def test_a_body_too_big_for_memory_names_the_limit() -> None:
    assert translate(django.RequestDataTooBig()).meta == {
        "max_bytes": settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    }


def test_a_406_names_what_can_be_had() -> None:
    assert translate(drf.NotAcceptable()).meta == {
        "supported": ["application/json", "application/problem+json"]
    }


@pytest.mark.property
@given(error=any_error())
def test_our_own_error_is_left_as_it_is(error: ServiceError) -> None:
    assert translate(error) is error


@pytest.mark.property
@given(listed=st.sampled_from(sorted(TABLE, key=str)), depth=st.integers(0, 5))
def test_a_distant_descendant_is_still_what_its_listed_ancestor_is(
    listed: type[Exception], depth: int
) -> None:
    kind = listed
    for number in range(depth):
        kind = type(f"Child{number}", (kind,), {})
    foreign = kind.__new__(kind)
    foreign.detail = ""  # type: ignore[attr-defined]  # inside the library

    assert translate(foreign).code == TABLE[listed](foreign).code


@pytest.mark.property
@given(
    unlisted=st.sampled_from([KeyError, RuntimeError, OSError, IntegrityError, drf.APIException])
)
def test_a_descendant_of_none_is_unforeseen(unlisted: type[Exception]) -> None:
    foreign = type("Child", (unlisted,), {})()

    assert translate(foreign).code == "internal_error"


# What DRF takes as the detail of a ValidationError, however deep.
NAMES = st.sampled_from(["processed", "page_size", "sha256"]) | st.text() | st.integers()
DETAILS = st.recursive(
    st.text() | st.integers() | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=25),
    max_leaves=40,
)


MANY_FIELDS = st.dictionaries(NAMES, st.text(), min_size=19, max_size=25)


@pytest.mark.property
@given(detail=DETAILS | MANY_FIELDS)
def test_any_validation_detail_makes_a_problem_of_the_schema(detail: Any) -> None:
    problem = build_problem(translate(drf.ValidationError(detail)), REQUEST_ID)

    jsonschema.validate(problem, PROBLEM_SCHEMA)
    assert problem["code"] == "validation_failed"
    assert 1 <= len(problem["errors"]) <= 20


@pytest.mark.property
@given(
    names=st.lists(
        st.text(st.characters(categories=["Lu", "Lo", "P", "Zs", "Cc"]), min_size=1)
        | st.just("x\n"),
        unique=True,
        min_size=1,
    ),
    text=st.text(min_size=1),
)
def test_a_name_that_is_none_of_ours_is_left_out(names: list[str], text: str) -> None:
    error = translate(drf.ValidationError(dict.fromkeys(names, text)))

    assert error.places == (("body", ""),) * len(names)


def test_a_field_of_ours_is_named() -> None:
    error = translate(drf.ValidationError({"processed": ["no"], "sha256": ["no"]}))

    assert error.places == (("body", "processed"), ("body", "sha256"))
