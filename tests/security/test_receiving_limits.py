"""What a form may have is counted to the last one; its headers are judged by themselves."""

from __future__ import annotations

import hashlib
import io

import pytest
from django.http import HttpRequest
from django.test import RequestFactory

from errors import catalogue
from errors.base import ServiceError
from security.receiving import (
    MAX_DIGEST_PART_BYTES,
    MAX_FIELDS,
    MAX_PARTS,
    StagingUploadHandler,
    check_upload_headers,
)
from tests.client import BOUNDARY, file_part, form, text_part

HELLO = file_part(b"hello")
FIELD = text_part("owner", "me")
DIGEST = hashlib.sha256(b"hello").hexdigest()


def receive(body: bytes, boundary: str = BOUNDARY) -> None:
    """Raises what the form is refused with."""
    handler = StagingUploadHandler()
    try:
        handler.handle_raw_input(io.BytesIO(body), {}, len(body), boundary.encode())
        handler.finished_upload()
    finally:
        handler.close()


def code_of(body: bytes) -> str:
    """The code of its refusal."""
    with pytest.raises(ServiceError) as refused:
        receive(body)
    return refused.value.code


# --- the form -------------------------------------------------------------------------


def test_parts_are_counted_to_the_last_one() -> None:
    assert code_of(form(*[HELLO] * MAX_PARTS)) == "multiple_files"
    assert code_of(form(*[HELLO] * (MAX_PARTS + 1))) == "too_many_parts"


def test_fields_are_counted_to_the_last_one() -> None:
    assert code_of(form(*[FIELD] * MAX_FIELDS)) == "unexpected_part"
    assert code_of(form(*[FIELD] * (MAX_FIELDS + 1))) == "too_many_fields"


@pytest.mark.parametrize(
    ("length", "code"),
    [
        (MAX_DIGEST_PART_BYTES, "malformed_multipart"),
        (MAX_DIGEST_PART_BYTES + 1, "validation_failed"),
    ],
)
def test_a_digest_that_is_too_long_is_not_read_to_the_end_of_the_form(
    length: int, code: str
) -> None:
    without_end = form(text_part("sha256", "0" * length), HELLO)[:-4]

    assert code_of(without_end) == code


def test_a_field_of_another_name_is_no_digest() -> None:
    assert code_of(form(HELLO, text_part("title", DIGEST))) == "unexpected_part"


def test_a_second_file_is_told_how_many_there_may_be() -> None:
    with pytest.raises(catalogue.MultipleFiles) as refused:
        receive(form(HELLO, HELLO))

    assert refused.value.max_files == 1


@pytest.mark.parametrize("length", range(1, 71))
def test_a_boundary_may_be_of_any_length(length: int) -> None:
    boundary = "b" * length

    receive(form(HELLO).replace(BOUNDARY.encode(), boundary.encode()), boundary)


@pytest.mark.parametrize("length", range(1, 60))
def test_a_body_a_little_longer_than_its_end_is_read_whole(length: int) -> None:
    end = f"--{BOUNDARY}--\r\n".encode()

    assert code_of(b"x" * length + end) == "malformed_multipart"


def test_a_part_may_have_more_parameters_than_anyone_needs() -> None:
    head = HELLO[0].partition("\r\n")[0]
    more = "".join(f"; p{number}=1" for number in range(300))

    receive(form((head + more, b"hello")))


def test_what_the_parser_quotes_of_a_form_is_not_noted() -> None:
    with pytest.raises(catalogue.MalformedMultipart) as refused:
        receive(form(HELLO).replace(b"note.txt", b"\xff.txt"))

    assert refused.value.note == "Segment header failed to decode"


# --- its headers ----------------------------------------------------------------------


def announced(content_type: str) -> HttpRequest:
    """A request whose body nobody has looked at."""
    return RequestFactory().generic("POST", "/upload/", b"x", content_type)


@pytest.mark.parametrize("told", ["application/json", "text/plain", "multipart/mixed; boundary=b"])
def test_what_is_announced_as_no_form_is_refused_for_that(told: str) -> None:
    with pytest.raises(catalogue.UnsupportedMediaType):
        check_upload_headers(announced(told))


@pytest.mark.parametrize("told", ["multipart/form-data; boundary=b", "multipart/form-data"])
def test_one_boundary_or_none_is_not_two(told: str) -> None:
    check_upload_headers(announced(told))  # a form without one is the parser's to refuse
