"""Every route of the URLconf: its token, its trailing slash and the methods it answers to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern, get_resolver

from tests.client import call
from tests.conftest import assert_problem

pytestmark = pytest.mark.django_db

ID = "0190a6b2-0000-7000-8000-000000000000"
PUBLIC = re.compile(
    r"/|/(policy|problems|schema|docs|metrics)/?|/problems/[^/]+/?|/health/(live|ready)/?"
)


def all_patterns(patterns: Any, prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        text = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield text
        else:
            yield from all_patterns(pattern.url_patterns, text)


def example_path(pattern: str) -> str:
    """A path the route answers to, with its trailing slash where it may have one."""
    path = re.sub(r"\(\?P<file_id>[^)]*\)|<[^>]*file_id>", ID, pattern)
    path = re.sub(r"\(\?P<\w+>[^)]*\)|<[^>]+>", "file_too_large", path)
    return "/" + path.replace("/?", "/").strip("^$").removesuffix("\\Z")


ROUTES = [example_path(pattern) for pattern in all_patterns(get_resolver().url_patterns)]
PRIVATE = [path for path in ROUTES if not PUBLIC.fullmatch(path)]
OPEN = [path for path in ROUTES if PUBLIC.fullmatch(path)]


def test_the_routes_of_the_design_are_all_there() -> None:
    of_one_file = {f"/files/{ID}/{suffix}" for suffix in ("", "content/", "preview/", "reprocess/")}

    assert {"/", "/policy/", "/health/live/", "/health/ready/"} <= set(ROUTES)
    assert set(PRIVATE) == {"/upload/", "/files/"} | of_one_file


@pytest.mark.parametrize("path", PRIVATE)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "PUT", "TRACE"])
def test_a_private_route_asks_for_a_token_before_anything_else(path: str, method: str) -> None:
    answer = call(method, path, headers={"Cookie": "sessionid=1; token=1"})

    assert (answer.status, answer.code) == (401, "authentication_required")
    assert answer.headers["www-authenticate"] == 'Bearer realm="filesvc"'


@pytest.mark.parametrize("path", OPEN)
def test_a_public_route_needs_no_token(path: str) -> None:
    assert call("GET", path).status == 200


@pytest.mark.parametrize("path", OPEN)
def test_a_public_route_does_not_even_look_at_a_token(path: str) -> None:
    assert call("GET", path, token="not-a-token").status == 200


@pytest.mark.parametrize("path", [path for path in ROUTES if path != "/"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_route_answers_the_same_without_its_trailing_slash(
    token: str, path: str, method: str
) -> None:
    with_slash = call(method, path, token=token)
    without = call(method, path.removesuffix("/"), token=token)

    assert (with_slash.status, with_slash.code) == (without.status, without.code)
    assert not 300 <= without.status < 400
    assert "location" not in without.headers


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PUT", "PATCH", "PROPFIND"])
def test_an_undeclared_method_is_refused_with_the_declared_ones(
    token: str, path: str, method: str
) -> None:
    answer = call(method, path, token=token)

    problem = assert_problem(answer, 405, "method_not_allowed")
    allowed = set(answer.headers["allow"].split(", "))
    assert allowed == set(problem["meta"]["allowed"])
    assert allowed <= {"GET", "HEAD", "POST", "DELETE"}
