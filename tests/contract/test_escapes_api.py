"""Where errors escape by default and what we answer: CONTRACT.md section 7, the API's manners."""

from __future__ import annotations

import base64
import io
from typing import Any
from urllib.parse import quote

import pytest
from django.test import RequestFactory
from rest_framework.exceptions import MethodNotAllowed, UnsupportedMediaType
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer
from rest_framework.views import exception_handler

from tests.client import Answer, call, file_part, form, post_form, upload
from tests.conftest import assert_problem
from tests.contract import plain
from tests.filesvc.conftest import MakeFile

pytestmark = pytest.mark.django_db

UNKNOWN = "018f2b6e-aaaa-7bbb-8ccc-1234567890ab"
DEEP = b"[" * 100_000
PLANTED = "ZQ7XK9VW"


def test_row_12_json_nested_deeper_than_any_stack(token: str) -> None:
    with pytest.raises(RecursionError):
        JSONParser().parse(io.BytesIO(DEEP), "application/json", {})

    answer = post_form(token, DEEP, CONTENT_TYPE="application/json")
    assert_problem(answer, 415, "unsupported_media_type")
    for path in ("/files/", "/policy/", "/problems/"):
        answer = call("GET", path, token=token, body=DEEP, CONTENT_TYPE="application/json")
        assert answer.status == 200


def test_row_12_the_same_as_a_file_is_only_a_file(token: str) -> None:
    answer = upload(token, DEEP + b"]" * 100_000, "deep.json", claimed="application/json")

    assert answer.status == 201, answer.body


def test_row_13_a_client_without_a_token_and_with_a_cookie() -> None:
    by_default = plain.ask("GET", "/session/")
    assert (by_default.status, by_default.headers.get("www-authenticate")) == (403, None)

    body = io.BytesIO(form(file_part(b"hello")))
    cookies = {"Cookie": "sessionid=1; csrftoken=" + "a" * 32}
    answer = post_form(None, b"", stream=body, headers=cookies, CONTENT_LENGTH="200")
    assert_problem(answer, 401, "authentication_required")
    assert answer.headers["www-authenticate"] == 'Bearer realm="filesvc"'
    assert body.tell() == 0


def test_row_14_an_object_that_is_not_there(token: str) -> None:
    by_default = plain.ask("GET", f"/files/{UNKNOWN}/")
    assert by_default.json == {"detail": "No File matches the given query."}

    problem = assert_problem(call("GET", f"/files/{UNKNOWN}/", token=token), 404, "not_found")
    assert problem["detail"] == "Nothing was found at this address, or this token may not see it."


def test_row_15_a_method_nobody_has() -> None:
    by_default = exception_handler(MethodNotAllowed(PLANTED), {})
    assert by_default is not None
    assert PLANTED in str(by_default.data)

    answer = call(PLANTED, "/policy/")
    assert_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD"
    assert PLANTED.encode() not in answer.body


@pytest.mark.parametrize(
    ("content_type", "status", "code"),
    [
        (f"application/{PLANTED}", 415, "unsupported_media_type"),
        (f"multipart/form-data; boundary=x; charset={PLANTED}", 415, "unsupported_media_type"),
        (f"multipart/form-data; {PLANTED}=x", 400, "malformed_multipart"),
        (f"multipart/form-data; boundary={PLANTED}" + "é", 400, "malformed_multipart"),
        (f"multipart/form-data; boundary={PLANTED * 40}", 415, "unsupported_media_type"),
    ],
)
def test_row_15_a_content_type_that_will_not_do(
    token: str, content_type: str, status: int, code: str
) -> None:
    by_default = exception_handler(UnsupportedMediaType(content_type), {})
    assert by_default is not None
    assert PLANTED in str(by_default.data)

    answer = post_form(token, form(file_part(b"hello")), CONTENT_TYPE=content_type)
    assert_problem(answer, status, code)
    assert PLANTED.lower() not in f"{answer.body!r} {answer.headers}".lower()


def test_row_16_a_format_in_the_query(token: str) -> None:
    assert plain.ask("GET", "/upload/?format=xml").status == 404

    assert call("GET", "/policy/?format=xml").status == 200
    problem = assert_problem(
        call("GET", "/files/?format=xml", token=token), 400, "invalid_parameter"
    )
    assert [fault["name"] for fault in problem["errors"]] == [""]


def test_row_17_a_post_without_its_trailing_slash(token: str) -> None:
    by_default = plain.ask("POST", "/upload", body=b"x", CONTENT_TYPE="text/plain")
    assert (by_default.status, by_default.body) == (301, b"")

    body = form(file_part(b"hello"))
    answer = call("POST", "/upload", token=token, body=body, CONTENT_TYPE=plain.FORM)
    assert answer.status == 201


@pytest.mark.parametrize(
    "accept", ["application/problem+json", "a b c", "/", "*", "json", "application/json;q", ";", ""]
)
def test_row_18_an_accept_header_for_problems_or_of_no_sense(token: str, accept: str) -> None:
    renderers = [JSONRenderer()]
    negotiate = DefaultContentNegotiation().select_renderer
    request: Any = RequestFactory().get("/", headers={"Accept": accept})
    request.query_params = {}
    if accept not in ("*", "application/json;q"):
        with pytest.raises(Exception, match="Accept"):
            negotiate(request, renderers)

    answer = call("GET", "/files/", token=token, headers={"Accept": accept})
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    refused = call("GET", "/files/?x=1", token=token, headers={"Accept": accept})
    assert_problem(refused, 400, "invalid_parameter")


def test_row_18_a_client_that_wants_something_else(token: str) -> None:
    answer = call("GET", "/files/", token=token, headers={"Accept": f"image/{PLANTED}"})

    problem = assert_problem(answer, 406, "not_acceptable")
    assert problem["meta"] == {"supported": ["application/json", "application/problem+json"]}


@pytest.mark.parametrize("path", ["/upload/", "/files/", "/policy/", "/"])
def test_row_19_options(token: str, path: str) -> None:
    by_default = plain.ask("OPTIONS", "/upload/")
    assert (by_default.status, set(by_default.json)) == (
        200,
        {"name", "description", "renders", "parses"},
    )

    answer = call("OPTIONS", path, token=token)
    assert_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"]


@pytest.mark.parametrize("position", ["junk", "2026-99-99", "\x00"])
def test_row_39_a_cursor_with_a_junk_position(
    token: str, make_file: MakeFile, position: str
) -> None:
    make_file()
    cursor = base64.b64encode(f"p={quote(position)}".encode()).decode()
    assert plain.ask("GET", f"/files/?cursor={cursor}").status == 500

    for ours in (cursor, "n" + quote(position), "n" + "g" * 32, "x" + "0" * 32, "n" + "0" * 31):
        answer = call("GET", f"/files/?cursor={ours}", token=token)
        problem = assert_problem(answer, 400, "invalid_parameter")
        assert [(fault["in"], fault["name"]) for fault in problem["errors"]] == [
            ("query", "cursor")
        ]


def test_row_40_a_cursor_that_is_none(token: str, make_file: MakeFile) -> None:
    assert plain.ask("GET", "/files/?cursor=zzz").status == 404

    assert_problem(call("GET", "/files/?cursor=zzz", token=token), 400, "invalid_parameter")


def test_row_40_a_page_size_that_is_no_number(token: str, make_file: MakeFile) -> None:
    assert plain.ask("GET", "/files/?page_size=abc").status == 200

    assert_problem(call("GET", "/files/?page_size=abc", token=token), 400, "invalid_parameter")


def test_row_40_the_link_to_the_next_page(token: str, make_file: MakeFile) -> None:
    for content in (b"one", b"two"):
        make_file(content)
    assert next_link(plain.ask("GET", "/files/", HTTP_HOST="127.0.0.1")).startswith(
        "http://127.0.0.1/"
    )

    answer = call("GET", "/files/?page_size=1", token=token, HTTP_HOST="127.0.0.1")
    assert next_link(answer).startswith("/files/?page_size=1&cursor=n")


def next_link(answer: Answer) -> str:
    assert answer.status == 200
    return str(answer.json["next"])
