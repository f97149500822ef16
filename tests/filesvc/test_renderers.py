"""What an Accept header gets: JSON for good will, 406 for what cannot be had."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.client import Answer, call, upload
from tests.conftest import assert_nothing_kept, assert_problem

pytestmark = pytest.mark.django_db

# Without a slash nothing is a media range.
GARBAGE = st.text(st.characters(exclude_characters=",/", max_codepoint=0xFF), max_size=20)
TYPES = st.sampled_from(["application", "APPLICATION", "text", "image", "x"])
SUBTYPES = st.sampled_from(["json", "problem+json", "*", "html", "jsonx", "xjson"])


def ask(accept: str, path: str = "/") -> Answer:
    return call("GET", path, headers={"Accept": accept})


@pytest.mark.parametrize(
    "accept",
    [
        "application/json",
        "APPLICATION/JSON",
        "application/*",
        "*/*",
        "application/problem+json",
        "text/html, application/json;q=0.1",
        "application/json; charset=utf-16",
        "application/json; x*=bogus'en'%41",
        'application/json; x="',
        "text/html, application/problem+json",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    ],
)
def test_whoever_takes_json_or_problems_gets_plain_json(accept: str) -> None:
    answer = ask(accept)

    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json["service"] == "filesvc"


@pytest.mark.parametrize(
    "accept", ["text/html", "image/*", "application/xml", "text/html, image/png;q=0.5", "a/b; c=d"]
)
@pytest.mark.parametrize("path", ["/", "/files/", "/health/live", "/policy/"])
def test_whoever_takes_neither_is_refused(token: str, accept: str, path: str) -> None:
    answer = call("GET", path, token=token, headers={"Accept": accept})

    problem = assert_problem(answer, 406, "not_acceptable")
    assert problem["meta"]["supported"] == ["application/json", "application/problem+json"]


@pytest.mark.parametrize(
    "accept", ["", " ", ",", "/", "garbage", "a/b/c", "*", ";q=1", "text / html", "\xe9/\xe9"]
)
def test_a_header_that_cannot_be_parsed_means_anything(accept: str) -> None:
    assert ask(accept).status == 200


@pytest.mark.property
@given(parts=st.lists(GARBAGE, max_size=4))
def test_no_garbage_is_ever_refused(parts: list[str]) -> None:
    assert ask(",".join(parts)).status == 200


@pytest.mark.property
@given(
    ranges=st.lists(st.tuples(TYPES, SUBTYPES), min_size=1, max_size=4),
    parameters=st.text(";=q01. x'*\"", max_size=10),
    garbage=GARBAGE,
)
def test_the_media_types_alone_decide_whatever_stands_beside_them(
    ranges: list[tuple[str, str]], parameters: str, garbage: str
) -> None:
    is_served = any(
        kind.lower() == "application" and subtype in ("json", "problem+json", "*")
        for kind, subtype in ranges
    )
    accept = ", ".join(f"{kind}/{subtype};{parameters}" for kind, subtype in ranges)

    assert ask(f"{accept},{garbage}").status == (200 if is_served else 406)


@pytest.mark.property
@given(accept=st.text(st.characters(max_codepoint=0xFF), max_size=60))
def test_any_header_gets_json_or_a_refusal(accept: str) -> None:
    answer = ask(accept)

    assert answer.status in (200, 406)
    if answer.status == 406:
        assert_problem(answer, 406, "not_acceptable")


def test_a_client_without_the_header_gets_json() -> None:
    assert call("GET", "/").headers["content-type"] == "application/json"


def test_an_upload_that_could_not_be_answered_is_refused_first(token: str, storage: Any) -> None:
    answer = upload(token, b"hello", headers={"Accept": "text/html"})

    assert_problem(answer, 406, "not_acceptable")
    assert_nothing_kept(storage)


@pytest.mark.parametrize("path", ["/?format=html", "/files/?format=xml"])
def test_the_query_chooses_no_format(token: str, path: str) -> None:
    answer = call("GET", path, token=token)

    assert answer.headers["content-type"].startswith("application/")
    assert answer.code in (None, "invalid_parameter")
