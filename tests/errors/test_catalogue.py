"""Every error of the catalogue, one by one: its words, its numbers, its headers."""

from __future__ import annotations

import json
import pickle
import re
from http import HTTPStatus
from typing import Any

import jsonschema
import pytest

from errors import catalogue
from errors.base import ServiceError
from errors.catalogue import CATALOGUE, ProcessingError
from errors.problem import build_problem, encode_problem, problem_headers
from tests.conftest import PROBLEM_SCHEMA
from tests.errors.examples import ANSWERED, REQUEST_ID, details_of, example

every_error = pytest.mark.parametrize("error", CATALOGUE.values(), ids=CATALOGUE.keys())
every_answer = pytest.mark.parametrize("error", ANSWERED.values(), ids=ANSWERED.keys())

# What a sentence must not tell: our insides, or the text of something else.
INSIDES = re.compile(
    r"traceback|exception|django|celery|redis|postgres|sqlite|clamd|\.py|[{}]", re.I
)


def test_no_code_is_used_twice() -> None:
    declared = [
        vars(error)["code"]
        for error in vars(catalogue).values()
        if isinstance(error, type) and issubclass(error, ServiceError) and "code" in vars(error)
    ]

    assert sorted(declared) == sorted(CATALOGUE)


@every_error
def test_the_code_is_snake_case_and_finds_its_class(error: type[ServiceError]) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", error.code)
    assert CATALOGUE[error.code] is error


@every_error
def test_the_sentence_is_one_plain_sentence(error: type[ServiceError]) -> None:
    sentence = example(error).sentence

    assert re.fullmatch(r"[A-Z][\x20-\x7e]*\.", sentence)
    assert not INSIDES.search(sentence)


@every_error
def test_the_sentence_is_the_class_s_own(error: type[ServiceError]) -> None:
    assert "__doc__" in vars(error)
    assert not (error.__doc__ or "").startswith(f"{error.__name__}(")


@every_error
def test_title_and_advice_are_plain_words(error: type[ServiceError]) -> None:
    assert re.fullmatch(r"[A-Z][A-Za-z0-9 ,'-]{2,79}", error.title)
    assert re.fullmatch(r"[A-Z][\x20-\x7e]*\.", error.advice)
    assert not INSIDES.search(error.advice)


@every_error
def test_each_detail_has_a_type_the_schema_knows(error: type[ServiceError]) -> None:
    assert set(map(str, details_of(error).values())) <= set(map(str, (int, bool, str, list[str])))


@every_error
def test_a_pickle_keeps_the_details(error: type[ServiceError]) -> None:
    first = example(error, note="for operators", places=(("part", "file"),))

    back = pickle.loads(pickle.dumps(first))  # noqa: S301 - made here

    assert type(back) is error
    assert (back.meta, back.note, back.places) == (first.meta, first.note, first.places)


@every_error
def test_two_alike_are_two_errors(error: type[ServiceError]) -> None:
    assert "__dataclass_params__" in vars(error)  # else a detail it declares would be none
    assert len({example(error), example(error)}) == 2


@every_error
def test_details_are_told_by_their_names(error: type[ServiceError]) -> None:
    details = example(error).meta.values()
    if details:
        with pytest.raises(TypeError, match="positional"):
            error(*details)


@every_answer
def test_the_problem_fits_the_schema(error: type[ServiceError]) -> None:
    problem = build_problem(example(error), REQUEST_ID)

    jsonschema.validate(problem, PROBLEM_SCHEMA)
    assert (problem["code"], problem["status"]) == (error.code, error.status)
    assert list(problem["meta"]) == list(error.meta_names())


@every_answer
def test_the_body_is_ascii(error: type[ServiceError]) -> None:
    body = encode_problem(example(error), REQUEST_ID)

    assert body.isascii()
    assert json.loads(body) == build_problem(example(error), REQUEST_ID)


@every_answer
def test_the_status_is_one_http_knows(error: type[ServiceError]) -> None:
    assert HTTPStatus(error.status)


@every_answer
def test_the_headers_are_plain_ascii_lines(error: type[ServiceError]) -> None:
    for name, value in problem_headers(example(error), REQUEST_ID).items():
        assert re.fullmatch(r"[A-Za-z-]+", name)
        assert re.fullmatch(r"[\x20-\x7e]+", value)


@every_answer
def test_trying_again_is_promised_only_for_what_passes_by_itself(error: type[ServiceError]) -> None:
    waits = (catalogue.FileNotReady, catalogue.IdempotencyKeyInProgress)
    passes = error.status in (429, 502, 503, 504) or error in waits

    assert error.retryable is passes


@every_answer
def test_only_what_passes_has_a_time_to_wait(error: type[ServiceError]) -> None:
    # A limit and an overload say how long where they are raised.
    said_when_raised = error.status == 429 or error is catalogue.Overloaded
    waits = example(error).retry_after_seconds is not None

    assert waits is (error.retryable and not said_when_raised)


HEADERS: dict[str, dict[str, str]] = {
    "bad_request": {"Connection": "close"},
    "method_not_allowed": {"Allow": "GET, HEAD"},
    "authentication_required": {"WWW-Authenticate": 'Bearer realm="filesvc"'},
    "invalid_token": {"WWW-Authenticate": 'Bearer realm="filesvc", error="invalid_token"'},
    "token_expired": {"WWW-Authenticate": 'Bearer realm="filesvc", error="invalid_token"'},
    "insufficient_scope": {
        "WWW-Authenticate": 'Bearer realm="filesvc", error="insufficient_scope", scope="upload"'
    },
    "unsupported_media_type": {"Accept": "GET, HEAD"},
    "unsupported_content_encoding": {"Accept-Encoding": "identity"},
    "range_not_satisfiable": {"Content-Range": "bytes */5"},
}


@every_answer
def test_each_code_adds_its_own_headers_and_no_other(error: type[ServiceError]) -> None:
    assert example(error).headers == HEADERS.get(error.code, {})


@every_answer
def test_every_401_says_how_to_authenticate(error: type[ServiceError]) -> None:
    told = problem_headers(example(error), REQUEST_ID)

    assert ("WWW-Authenticate" in told) is (
        error.status == 401 or error is catalogue.InsufficientScope
    )


@every_answer
def test_retry_after_is_told_in_header_and_body_alike(error: type[ServiceError]) -> None:
    waiting = example(error, retry_after_seconds=7)

    assert problem_headers(waiting, REQUEST_ID)["Retry-After"] == "7"
    assert build_problem(waiting, REQUEST_ID)["retry_after"] == 7


def test_a_refused_token_never_says_whether_the_account_exists() -> None:
    told: Any = build_problem(catalogue.InvalidToken(note="user disabled"), REQUEST_ID)

    assert told["detail"] == "The token is not valid."
    assert "disabled" not in json.dumps(told)


def test_failures_of_processing_are_told_inside_a_file() -> None:
    inside = {code for code, error in CATALOGUE.items() if error.status < 400}

    assert inside == {
        "processing_failed",
        "processing_timeout",
        "processing_lost",
        "processing_dependency_unavailable",
        "source_missing",
        "content_changed",
    }
    assert {CATALOGUE[code].status for code in inside} == {200}


def test_what_can_be_processed_again_need_not_be_sent_again() -> None:
    failures = [error for error in CATALOGUE.values() if issubclass(error, ProcessingError)]
    retryable = {error.code: error.advice for error in failures if error.retryable}

    assert set(retryable) == {
        "processing_timeout",
        "processing_lost",
        "processing_dependency_unavailable",
    }
    assert [code for code, advice in retryable.items() if "reprocess/" not in advice] == []


@pytest.mark.parametrize(
    "error", [catalogue.Overloaded, catalogue.StorageUnavailable], ids=lambda error: error.code
)
def test_an_error_of_several_operations_does_not_tell_each_that_it_was_an_upload(
    error: type[ServiceError],
) -> None:
    """Downloads answer these too; nothing of one could have been kept."""
    assert "upload" not in example(error).sentence
    assert not error.advice.startswith("Nothing was kept")
