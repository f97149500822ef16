"""What the list may be asked, and how a wrong question is refused."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from filesvc.serializers import ListQuery
from tests.client import Answer, call
from tests.conftest import assert_problem

pytestmark = pytest.mark.django_db

PARAMETERS = set(ListQuery().fields)


def list_files(token: str, **query: Any) -> Answer:
    return call("GET", f"/files/?{urlencode(query)}", token=token)


def named(problem: dict[str, Any]) -> list[str]:
    assert {fault["in"] for fault in problem["errors"]} == {"query"}
    return [fault["name"] for fault in problem["errors"]]


@pytest.mark.parametrize("page_size", [1, 2, 199, 200])
def test_a_page_size_inside_the_bounds_is_taken(token: str, page_size: int) -> None:
    assert list_files(token, page_size=page_size).status == 200


@pytest.mark.parametrize("page_size", ["0", "201", "-1", "x", "", "1e3", "9" * 5000])
def test_a_page_size_outside_the_bounds_is_refused(token: str, page_size: str) -> None:
    problem = assert_problem(list_files(token, page_size=page_size), 400, "invalid_parameter")

    assert named(problem) == ["page_size"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cursor", "x"),
        ("cursor", ""),
        ("cursor", "n"),
        ("cursor", "n" + "g" * 32),
        ("cursor", "x" + "0" * 32),
        ("cursor", "n" + "0" * 33),
        ("cursor", "n" + "0" * 31 + "\0"),
        ("processed", "maybe"),
        ("processed", ""),
        ("status", "done"),
        ("media_type", ""),
        ("media_type", "text/\0"),
        ("media_type", "x" * 101),
        ("uploaded_after", "yesterday"),
        ("uploaded_after", "0001-01-01T00:00:00+14:00"),
        ("uploaded_before", "2026-13-01T00:00:00Z"),
        ("sha256", "A" * 64),
        ("sha256", "a" * 63),
    ],
)
def test_a_bad_value_is_refused_by_the_name_of_its_parameter(
    token: str, name: str, value: str
) -> None:
    problem = assert_problem(list_files(token, **{name: value}), 400, "invalid_parameter")

    assert named(problem) == [name]


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_a_repeated_parameter_is_refused(token: str, name: str) -> None:
    query = urlencode([(name, "1"), (name, "1")])

    problem = assert_problem(call("GET", f"/files/?{query}", token=token), 400, "invalid_parameter")

    assert name in named(problem)


@pytest.mark.property
@given(name=st.text(st.characters(exclude_categories=["Cs"]), max_size=30), value=st.text("ab01"))
def test_an_unknown_parameter_is_refused_without_being_named(
    token: str, name: str, value: str
) -> None:
    assume(name not in PARAMETERS and (name or value))

    problem = assert_problem(list_files(token, **{name: value}), 400, "invalid_parameter")

    assert named(problem) == [""]
