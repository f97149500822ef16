"""Every error that is answered is counted once, by its code and status, whoever answered it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors.base import ServiceError
from errors.catalogue import CATALOGUE
from errors.counting import count_error
from errors.handler import log_error
from errors.metrics import ERRORS
from tests.client import call
from tests.errors.examples import ANSWERED, example
from tests.errors.requests import BAD_CONTENT_TYPE
from tests.errors.routes import RAISED

Counts = dict[str, int]


def counted() -> Counts:
    """How often each code was answered so far."""
    samples = [sample for told in ERRORS.collect() for sample in told.samples]
    return {
        sample.labels["code"]: int(sample.value)
        for sample in samples
        if sample.name == "filesvc_errors_total"
        and sample.labels["status"] == str(CATALOGUE[sample.labels["code"]].status)
    }


def added(before: Counts) -> Counts:
    grown = {code: count - before.get(code, 0) for code, count in counted().items()}
    return {code: count for code, count in grown.items() if count}


@pytest.mark.property
@given(codes=st.lists(st.sampled_from(sorted(ANSWERED)), max_size=20))
def test_each_count_grows_by_what_was_answered(codes: list[str]) -> None:
    before = counted()

    for code in codes:
        count_error(example(CATALOGUE[code]))

    assert added(before) == {code: codes.count(code) for code in set(codes)}


@pytest.mark.parametrize("where", ["drf", "plain"])
@pytest.mark.parametrize("kind", RAISED)
def test_an_error_of_a_view_is_counted_once(where: str, kind: str, settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.errors.routes"
    before = counted()

    call("GET", f"/{where}/{kind}/")

    assert added(before) == {RAISED[kind][2]: 1}


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"path": "/nowhere"}, "not_found"),
        ({"path": "/", "HTTP_HOST": "a b"}, "invalid_host"),
        ({"path": "/", "CONTENT_TYPE": BAD_CONTENT_TYPE}, "malformed_header"),
        ({"path": "/" + "a" * 9000}, "uri_too_long"),
    ],
)
def test_an_error_before_any_view_is_counted_once(asked: dict[str, Any], code: str) -> None:
    before = counted()

    call("GET", **asked)

    assert added(before) == {code: 1}


def test_a_success_is_no_error() -> None:
    before = counted()

    assert call("GET", "/health/live").status == 200

    assert added(before) == {}


@pytest.mark.parametrize("error", ANSWERED.values(), ids=ANSWERED)
def test_what_is_logged_is_counted(error: type[ServiceError]) -> None:
    before = counted()

    log_error(example(error), request_id="0" * 32, cause=None, duration_ms=None)

    assert added(before) == {error.code: 1}
