"""What the guard refuses for its length: exactly at a limit it passes, one byte more does not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import catalogue, wsgi_guard
from errors.wsgi_guard import check_request_line
from tests.client import call
from tests.conftest import assert_problem

# What the server tells beside the headers, which counts as none of them.
SERVER = {"SERVER_NAME": "testserver", "REQUEST_METHOD": "GET", "PATH_INFO": "/"}


def refused_above(**environ: Any) -> int | None:
    """The limit that a refusal tells, or None when the request passes."""
    try:
        check_request_line(SERVER | environ)
    except catalogue.HeadersTooLarge as refusal:
        return refusal.max_bytes
    return None


def test_headers_that_fill_their_limit_pass_and_one_byte_more_does_not() -> None:
    name = "HTTP_X_001"
    room = 16 * 1024 - len(name)

    assert refused_above(HTTP_X_001="v" * room) is None
    assert refused_above(HTTP_X_001="v" * (room + 1)) == 16 * 1024


@pytest.mark.parametrize("name", ["CONTENT_TYPE", "HTTP_ACCEPT"])
def test_a_header_that_is_parsed_slowly_has_a_limit_of_its_own(name: str) -> None:
    assert refused_above(**{name: "v" * 512}) is None
    assert refused_above(**{name: "v" * 513}) == 512
    assert refused_above(**{name: "v" * 1024}) == 512


@pytest.mark.property
@given(over=st.integers(-40, 40), query=st.integers(0, 200))
def test_a_target_is_refused_exactly_above_its_limit(over: int, query: int) -> None:
    path = "/" + "a" * (wsgi_guard.MAX_TARGET_BYTES + over - query - 1)

    answer = call("GET", f"{path}?{'q' * query}")

    if over <= 0:
        assert_problem(answer, 404, "not_found")
    else:
        problem = assert_problem(answer, 414, "uri_too_long")
        assert problem["meta"] == {"max_bytes": 8192}


@pytest.mark.property
@given(count=st.integers(1, 60), size=st.integers(0, 1200))
def test_headers_are_refused_above_their_limit_all_together(count: int, size: int) -> None:
    headers = {f"X-{number:03}": "v" * size for number in range(count)}

    answer = call("GET", "/health/live", headers=headers)

    # Each counts its name as the server spells it, HTTP_X_000; Host is always there.
    total = count * (10 + size) + len("HTTP_HOST" + "testserver")
    assert answer.status == (431 if total > wsgi_guard.MAX_HEADERS_BYTES else 200)
    if answer.status == 431:
        assert_problem(answer, 431, "headers_too_large")


def test_a_long_content_type_counts_as_a_header() -> None:
    answer = call("GET", "/health/live", CONTENT_TYPE="text/plain; x=" + "a" * 17_000)

    assert_problem(answer, 431, "headers_too_large")
