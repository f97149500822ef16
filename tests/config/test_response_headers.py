"""The headers every answer carries, refusal or not."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from config.response_headers import AddResponseHeaders
from errors.problem import FIXED_HEADERS
from tests.client import call

PLACES = [
    ("GET", "/", 200),
    ("GET", "/policy/", 200),
    ("GET", "/health/live", 200),
    ("HEAD", "/policy/", 200),
    ("GET", "/files/", 401),
    ("POST", "/upload/", 401),
    ("GET", "/nowhere", 404),
    ("PUT", "/policy/", 405),
    ("GET", "/" + "a" * 9000, 414),
]


@pytest.mark.parametrize(("method", "path", "status"), PLACES)
def test_every_answer_is_neither_cached_nor_guessed_nor_framed(
    method: str, path: str, status: int
) -> None:
    answer = call(method, path)

    assert answer.status == status
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(("method", "path", "status"), PLACES)
def test_no_answer_names_the_server_sets_a_cookie_or_opens_to_other_origins(
    method: str, path: str, status: int
) -> None:
    answer = call(method, path, headers={"Origin": "https://evil.example"})

    told = {name for name in answer.headers if name.startswith("access-control-")}
    assert told | ({"server", "x-powered-by", "set-cookie"} & set(answer.headers)) == set()


@pytest.mark.property
@given(own=st.dictionaries(st.sampled_from(sorted(FIXED_HEADERS)), st.sampled_from(["a", "b; c"])))
def test_a_view_s_own_header_stays_and_the_others_are_added(own: dict[str, str]) -> None:
    add = AddResponseHeaders(lambda request: HttpResponse(headers=own))

    headers = add(RequestFactory().get("/")).headers

    assert {name: headers[name] for name in FIXED_HEADERS} == FIXED_HEADERS | own
