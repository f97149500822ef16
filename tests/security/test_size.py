"""How large a request and a file may be, to the byte, and how little is read to find out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.http import HttpRequest
from hypothesis import given
from hypothesis import strategies as st

from errors import catalogue
from security.receiving import CHUNK_BYTES
from security.size import (
    MULTIPART_OVERHEAD_BYTES,
    check_declared_length,
    check_not_empty,
    check_received_size,
    file_bytes_announced,
)
from tests.client import file_part, form, post_form, upload
from tests.conftest import assert_nothing_kept, assert_problem
from tests.security.conftest import Watched

LIMIT = 1000
LARGEST = LIMIT + MULTIPART_OVERHEAD_BYTES


@pytest.fixture
def small_limit(settings: Any) -> None:
    settings.MAX_UPLOAD_BYTES = LIMIT


def announced(length: str | None, **more: str) -> HttpRequest:
    request = HttpRequest()
    request.META = {"CONTENT_LENGTH": length, **more} if length is not None else dict(more)
    return request


@pytest.mark.property
@given(st.integers(0, 10**18) | st.integers(LARGEST - 3, LARGEST + 3))
def test_a_declared_length_passes_up_to_the_limit_and_its_frame(
    small_limit: None, length: int
) -> None:
    if length <= LARGEST:
        check_declared_length(announced(str(length)))
        return
    with pytest.raises(catalogue.PayloadTooLarge) as refused:
        check_declared_length(announced(str(length)))
    assert refused.value.max_bytes == LARGEST


@pytest.mark.property
@given(st.integers(0, 3 * LIMIT) | st.integers(LIMIT - 2, LIMIT + 2))
def test_a_received_size_passes_up_to_the_limit(small_limit: None, size: int) -> None:
    if size <= LIMIT:
        check_received_size(size)
        return
    with pytest.raises(catalogue.FileTooLarge) as refused:
        check_received_size(size)
    assert refused.value.max_bytes == LIMIT


def test_only_zero_bytes_are_empty() -> None:
    check_not_empty(1)
    with pytest.raises(catalogue.EmptyFile):
        check_not_empty(0)


@pytest.mark.parametrize("length", ["-1", "+5", "5_0", " 5", "5.0", "0x5", "5, 5", "٥", "9" * 30])
def test_a_length_that_is_no_number_is_malformed(length: str) -> None:
    with pytest.raises(catalogue.MalformedHeader):
        check_declared_length(announced(length))


@pytest.mark.parametrize(("length", "least"), [(1, 0), (16384, 0), (16385, 1), (20_000, 3616)])
def test_a_file_has_at_least_what_no_frame_can_be(length: int, least: int) -> None:
    assert file_bytes_announced(announced(str(length))) == least


# --- over HTTP ------------------------------------------------------------------------

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "environ",
    [
        {"CONTENT_LENGTH": None},
        {"CONTENT_LENGTH": ""},
        {"CONTENT_LENGTH": None, "HTTP_TRANSFER_ENCODING": "chunked"},
        {"HTTP_TRANSFER_ENCODING": "chunked"},
    ],
)
def test_a_body_of_unknown_length_is_refused_unread(
    token: str, storage: Path, no_drain: None, environ: dict[str, Any]
) -> None:
    stream = Watched(body := form(file_part(b"hello")))

    answer = post_form(token, body, stream=stream, **environ)

    assert_problem(answer, 411, "length_required")
    assert stream.read_bytes == 0
    assert_nothing_kept(storage)


def test_a_declared_length_over_the_limit_is_refused_unread(
    token: str, storage: Path, small_limit: None, no_drain: None
) -> None:
    body = form(file_part(bytes(LARGEST)))
    stream = Watched(body)

    answer = post_form(token, body, stream=stream)

    problem = assert_problem(answer, 413, "payload_too_large")
    assert problem["meta"] == {"max_bytes": LARGEST}
    assert answer.headers["connection"] == "close"
    assert stream.read_bytes == 0
    assert_nothing_kept(storage)


def test_a_malformed_length_is_refused_over_http(token: str, storage: Path) -> None:
    answer = post_form(token, form(file_part(b"hello")), CONTENT_LENGTH="1_0")

    assert_problem(answer, 400, "malformed_header")
    assert_nothing_kept(storage)


def test_one_byte_over_the_limit_is_refused(token: str, storage: Path, small_limit: None) -> None:
    problem = assert_problem(upload(token, b"x" * (LIMIT + 1)), 413, "file_too_large")

    assert problem["meta"] == {"max_bytes": LIMIT}
    assert_nothing_kept(storage)


def test_receiving_stops_within_one_chunk_behind_the_limit(
    token: str, storage: Path, settings: Any, no_drain: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MAX_UPLOAD_BYTES = 4 * CHUNK_BYTES
    # Only the count of what arrives is left to stop it.
    monkeypatch.setattr("security.size.MULTIPART_OVERHEAD_BYTES", 1 << 30)
    stream = Watched(body := form(file_part(b"x" * (20 * CHUNK_BYTES))))
    frame_bytes = len(form(file_part(b"")))

    answer = post_form(token, body, stream=stream)

    assert_problem(answer, 413, "file_too_large")
    assert answer.headers["connection"] == "close"
    assert stream.read_bytes <= settings.MAX_UPLOAD_BYTES + CHUNK_BYTES + frame_bytes
    assert_nothing_kept(storage)


def test_the_rest_of_a_refused_body_is_read_after_the_answer(token: str, small_limit: None) -> None:
    body = form(file_part(b"x" * (LIMIT + 8000)))
    stream = Watched(body)

    assert_problem(post_form(token, body, stream=stream), 413, "file_too_large")

    assert stream.read_bytes == len(body)


@pytest.mark.parametrize("beyond", [-1, 0, 1, 2])
def test_the_limit_holds_to_the_byte(token: str, small_limit: None, beyond: int) -> None:
    answer = upload(token, b"x" * (LIMIT + beyond))

    assert answer.status == (413 if beyond > 0 else 201)
