"""Where errors escape by default and what we answer: CONTRACT.md section 7, the form."""

from __future__ import annotations

import base64
import gzip
from pathlib import Path
from typing import Any

import pytest

from tests.client import BOUNDARY, file_part, form, post_form, text_part, upload
from tests.conftest import assert_nothing_kept, assert_problem
from tests.contract.plain import FORM, send

pytestmark = pytest.mark.django_db

NOTE = file_part(b"hello")
NO_PARTS: dict[str, Any] = {"files": {}, "fields": {}}
LINE = b"--" + BOUNDARY.encode()
HEAD = b'Content-Disposition: form-data; name="file"; filename="note.txt"'
# All of them silent in Django's parser, which finds nothing and complains of nothing.
INVALID = {
    "nothing": b"",
    "no form at all": b"hello",
    "another boundary": b"--other\r\n" + HEAD + b"\r\n\r\nhello\r\n--other--\r\n",
    "its end alone": LINE + b"--\r\n",
    "a part without headers": LINE + b"\r\n\r\nhello\r\n" + LINE + b"--\r\n",
    "headers without an end": LINE + b"\r\n" + HEAD,
    "a header without a name": LINE + b"\r\n: form-data\r\n\r\nhello\r\n" + LINE + b"--\r\n",
    "one hyphen too few": b"-" + BOUNDARY.encode() + b"\r\n" + HEAD + b"\r\n\r\nhello",
    "line ends of another system": form(NOTE).replace(b"\r\n", b"\n"),
}
FORMS_OF_NOTHING = {"nothing", "its end alone"}


@pytest.mark.parametrize("cut", [3, 4, len(BOUNDARY) + 6, len(BOUNDARY) + 9])
def test_row_08_a_body_that_ends_before_its_closing_boundary(
    token: str, storage: Path, cut: int
) -> None:
    body = form(NOTE, text_part("sha256", "x"))[:-cut]
    assert send(body).status == 200

    assert_problem(post_form(token, body), 400, "malformed_multipart")
    assert_nothing_kept(storage)


@pytest.mark.parametrize("kind", INVALID)
def test_row_08_a_body_that_is_no_form(token: str, storage: Path, kind: str) -> None:
    assert send(INVALID[kind]).json == NO_PARTS

    answer = post_form(token, INVALID[kind])
    code = "missing_file" if kind in FORMS_OF_NOTHING else "malformed_multipart"
    assert_problem(answer, 400, code)
    assert_nothing_kept(storage)


@pytest.mark.parametrize("more", [{}, {"HTTP_TRANSFER_ENCODING": "chunked"}])
def test_row_09_a_body_without_its_length(token: str, storage: Path, more: dict[str, Any]) -> None:
    assert send(form(NOTE), CONTENT_LENGTH=None, **more).json == NO_PARTS

    answer = post_form(token, form(NOTE), CONTENT_LENGTH=None, **more)
    assert_problem(answer, 411, "length_required")
    assert_nothing_kept(storage)


@pytest.mark.parametrize("content_type", ["text/plain", "", "multipart/mixed; boundary=x"])
def test_row_21_a_wrong_content_type_without_a_body(token: str, content_type: str) -> None:
    assert send(b"", content_type).status == 200

    problem = assert_problem(
        post_form(token, b"", CONTENT_TYPE=content_type), 415, "unsupported_media_type"
    )
    assert problem["meta"] == {"accepted": ["multipart/form-data"]}


def test_row_22_a_body_in_a_content_coding(token: str, storage: Path) -> None:
    packed = gzip.compress(form(NOTE))
    assert send(packed, HTTP_CONTENT_ENCODING="gzip").json == NO_PARTS
    # Even worse: the coding is ignored, so a body that is not packed passes as one that is.
    assert send(form(NOTE), HTTP_CONTENT_ENCODING="gzip").json["files"]

    for body in (packed, form(NOTE)):
        answer = post_form(token, body, HTTP_CONTENT_ENCODING="gzip")
        assert_problem(answer, 415, "unsupported_content_encoding")
        assert answer.headers["accept-encoding"] == "identity"
    assert_nothing_kept(storage)


@pytest.mark.parametrize(
    ("name", "by_default"),
    [
        ("", {"files": {}, "fields": {"file": "hello"}}),
        (" ", {"files": {"file": [" ", "hello"]}, "fields": {}}),
        ("..", NO_PARTS),
    ],
)
def test_row_23_a_file_without_a_usable_name(
    token: str, storage: Path, name: str, by_default: dict[str, Any]
) -> None:
    assert send(form(file_part(b"hello", name))).json == by_default

    assert_problem(upload(token, b"hello", name), 422, "filename_missing")
    assert_nothing_kept(storage)


@pytest.mark.parametrize(
    ("parameters", "by_default"),
    [
        ('filename="a.txt"; filename="b.txt"', "b.txt"),
        ("filename=\"a.txt\"; filename*=UTF-8''b.txt", "b.txt"),
        ("filename*=UTF-8''b.txt; filename=\"a.txt\"", "b.txt"),
        ("filename*=utf-7''%2BAGI-.txt", "b.txt"),
    ],
)
def test_row_24_a_file_of_two_names(
    token: str, storage: Path, parameters: str, by_default: str
) -> None:
    body = form((f'Content-Disposition: form-data; name="file"; {parameters}', b"hello"))
    assert send(body).json["files"]["file"][0] == by_default

    assert_problem(post_form(token, body), 400, "file_part_invalid")
    assert_nothing_kept(storage)


def test_row_25_a_form_in_another_charset(token: str, storage: Path) -> None:
    content_type = f"{FORM}; charset=utf-16"
    assert "file" not in send(form(NOTE), content_type).json["files"]

    answer = post_form(token, form(NOTE), CONTENT_TYPE=content_type)
    assert_problem(answer, 415, "unsupported_media_type")
    assert_nothing_kept(storage)


def test_row_26_a_part_in_a_transfer_coding(token: str, storage: Path) -> None:
    head, _ = NOTE
    encoded = base64.b64encode(b"what no scanner in between has seen")
    body = form((f"{head}\r\nContent-Transfer-Encoding: base64", encoded))
    assert send(body).json["files"]["file"][1] == "what no scanner in between has seen"

    assert_problem(post_form(token, body), 400, "file_part_invalid")
    assert_nothing_kept(storage)
