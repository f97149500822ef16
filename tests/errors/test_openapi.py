"""The errors in the OpenAPI document: every operation declares all its codes, and no other."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import catalogue
from errors.base import ServiceError
from errors.catalogue import CATALOGUE
from errors.openapi import EVERYWHERE, WITH_TOKEN, problem_responses, problem_schema
from errors.problem import CONTENT_TYPE, build_problem
from filesvc.documents import schema
from filesvc.intake import INTAKE_ERRORS
from tests.conftest import PROBLEM, PROBLEM_SCHEMA
from tests.errors.examples import ANSWERED, REQUEST_ID, any_error

# What each operation can end in beyond what holds everywhere, by the design.
OWN: dict[str, tuple[type[ServiceError], ...]] = {
    "index": (),
    "upload_file": INTAKE_ERRORS,
    "list_files": (catalogue.InvalidParameter,),
    "show_file": (catalogue.NotFound, catalogue.InvalidParameter),
    "delete_file": (catalogue.NotFound, catalogue.InvalidParameter),
    "download_file": (
        *(catalogue.NotFound, catalogue.InvalidParameter, catalogue.FileNotReady),
        *(catalogue.StateConflict, catalogue.FileQuarantined, catalogue.RangeNotSatisfiable),
        *(catalogue.Overloaded, catalogue.StorageUnavailable),
    ),
    "show_preview": (
        *(catalogue.NotFound, catalogue.InvalidParameter, catalogue.FileNotReady),
        *(catalogue.StateConflict, catalogue.FileQuarantined, catalogue.StorageUnavailable),
    ),
    "reprocess_file": (
        *(catalogue.NotFound, catalogue.InvalidParameter, catalogue.StateConflict),
        *(catalogue.RateLimited, catalogue.Overloaded),
        *(catalogue.StorageUnavailable, catalogue.DatabaseUnavailable),
    ),
    "show_policy": (),
    "is_live": (),
    "is_ready": (catalogue.ServiceUnavailable, catalogue.Overloaded),
    "list_problems": (),
    "explain_problem": (catalogue.NotFound,),
}
NEED_TOKEN = {
    *("upload_file", "list_files", "show_file", "delete_file", "download_file"),
    *("show_preview", "reprocess_file"),
}
codes = st.lists(st.sampled_from(sorted(ANSWERED)), min_size=1, unique=True)


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, told in schema()["paths"].items():
        for method, operation in told.items():
            yield method, path, operation


def problems_of(operation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The schema of the Problem by status."""
    return {
        status: answer["content"][CONTENT_TYPE]["schema"]
        for status, answer in operation["responses"].items()
        if status >= "400"
    }


def operation_named(name: str) -> dict[str, Any]:
    return next(told for _, _, told in operations() if told["operationId"] == name)


def test_every_operation_is_known_here() -> None:
    assert sorted(told["operationId"] for _, _, told in operations()) == sorted(OWN)


@pytest.mark.parametrize("name", OWN)
def test_an_operation_lists_all_its_codes_by_status_and_no_other(name: str) -> None:
    expected = {*EVERYWHERE, *OWN[name], *(WITH_TOKEN if name in NEED_TOKEN else ())}

    listed = {
        (int(status), code)
        for status, told in problems_of(operation_named(name)).items()
        for code in told["properties"]["code"]["enum"]
    }
    assert listed == {(error.status, error.code) for error in expected}


@pytest.mark.parametrize("name", OWN)
def test_an_operation_with_a_token_says_so_and_a_public_one_does_not(name: str) -> None:
    security = operation_named(name).get("security", [])

    assert any("token" in way for way in security) is (name in NEED_TOKEN)


@pytest.mark.parametrize("name", OWN)
def test_an_error_is_only_ever_a_problem_and_a_success_never_is(name: str) -> None:
    for status, answer in operation_named(name)["responses"].items():
        kinds = set(answer.get("content", {}))
        assert (kinds == {CONTENT_TYPE}) is (status >= "400")
        assert (CONTENT_TYPE in kinds) is (status >= "400")


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("delete_file", {"204": set()}),
        ("list_problems", {"200": {"application/json", "text/html"}}),
        ("download_file", {"200": {"*/*"}, "206": {"*/*"}, "304": set()}),
    ],
)
def test_an_answer_that_is_no_error_names_its_kinds(name: str, kinds: dict[str, set[str]]) -> None:
    answers = operation_named(name)["responses"]

    told = {status: set(answer.get("content", {})) for status, answer in answers.items()}
    assert {status: told[status] for status in told if status < "400"} == kinds


def test_the_description_of_an_answer_names_its_codes() -> None:
    for _, _, operation in operations():
        for status, told in problems_of(operation).items():
            words = operation["responses"][status]["description"]
            assert re.findall("`([a-z_]+)`", words) == told["properties"]["code"]["enum"]


@pytest.mark.property
@given(error=any_error())
def test_the_schema_of_a_code_takes_every_problem_of_it(error: ServiceError) -> None:
    problem = build_problem(error, REQUEST_ID)

    jsonschema.validate(problem, problem_schema([type(error)]))
    PROBLEM.validate(problem)


@pytest.mark.property
@given(error=any_error(), others=codes)
def test_the_schema_of_other_codes_refuses_it(error: ServiceError, others: list[str]) -> None:
    accepts = jsonschema.Draft202012Validator(problem_schema(CATALOGUE[code] for code in others))

    assert accepts.is_valid(build_problem(error, REQUEST_ID)) is (error.code in others)


@pytest.mark.property
@given(error=any_error(), key=st.sampled_from(PROBLEM_SCHEMA["required"]))
def test_the_schema_asks_for_every_key_and_for_no_more(error: ServiceError, key: str) -> None:
    accepts = jsonschema.Draft202012Validator(problem_schema([type(error)]))
    problem = build_problem(error, REQUEST_ID)

    assert not accepts.is_valid({name: told for name, told in problem.items() if name != key})
    assert not accepts.is_valid(problem | {"more": 1})


@pytest.mark.parametrize("key", ["detail", "request_id", "retryable", "retry_after"])
def test_the_limits_of_a_key_are_those_of_the_released_problem(key: str) -> None:
    told, released = problem_schema(ANSWERED.values())["properties"], PROBLEM_SCHEMA["properties"]

    assert released[key] | told[key] == released[key]


def test_the_limits_of_a_fault_are_those_of_the_released_problem() -> None:
    told = problem_schema(ANSWERED.values())["properties"]["errors"]
    released = copy.deepcopy(PROBLEM_SCHEMA["properties"]["errors"])
    released["items"]["properties"]["in"]["type"] = "string"  # an enum of words needs none

    assert told == released


@pytest.mark.property
@given(listed=codes)
def test_codes_are_grouped_by_their_status(listed: list[str]) -> None:
    responses = problem_responses(CATALOGUE[code] for code in listed)

    grouped = {
        (status, code)
        for (status, _), told in responses.items()
        for code in told.response["properties"]["code"]["enum"]
    }
    assert grouped == {(CATALOGUE[code].status, code) for code in listed}
    assert {kind for _, kind in responses} == {CONTENT_TYPE}
