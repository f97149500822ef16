"""What each error means, told to a program as JSON and to a person as HTML without a script."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from errors import pages
from errors.base import ServiceError
from errors.catalogue import CATALOGUE, ProcessingError
from tests.client import Answer, call
from tests.conftest import PROBLEM, assert_problem

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
PAGES = ["/problems/", "/problems/file_too_large", "/docs/"]
every_code = pytest.mark.parametrize("code", sorted(CATALOGUE))
every_page = pytest.mark.parametrize("path", PAGES)


class Page(HTMLParser):
    """What a browser would find on a page: tags that are closed, addresses, styles, text."""

    VOID = ("meta", "br", "link", "img")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.styles: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["style"]:
            self.styles.append(data)
        else:
            self.text += data


def browse(path: str) -> Page:
    answer = call("GET", path, headers=BROWSER)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    page = Page(answer.body.decode())
    assert page.open == []
    return page


def policy_of(answer: Answer) -> dict[str, list[str]]:
    parts = answer.headers["content-security-policy"].split(";")
    return {part.split()[0]: part.split()[1:] for part in parts}


@pytest.mark.parametrize("headers", [{}, {"Accept": "*/*"}, {"Accept": "application/json"}])
def test_the_list_is_json_unless_html_is_preferred(headers: dict[str, str]) -> None:
    answer = call("GET", "/problems/", headers=headers)

    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert [told["code"] for told in answer.json["problems"]] == sorted(CATALOGUE)


def test_an_entry_of_the_list_tells_how_to_branch() -> None:
    told = {entry["code"]: entry for entry in call("GET", "/problems/").json["problems"]}

    assert told["file_too_large"] == {
        "code": "file_too_large",
        "status": 413,
        "title": "File is too large",
        "retryable": False,
        "meta": ["max_bytes"],
    }


@every_code
def test_every_code_is_explained_to_a_program(code: str) -> None:
    told = call("GET", f"/problems/{code}").json

    error = CATALOGUE[code]
    assert (told["code"], told["status"], told["title"]) == (code, error.status, error.title)
    assert told["advice"] == error.advice
    assert told["meaning"] == told["example"]["detail"]
    assert "{" not in told["meaning"]
    assert told["where"] == ("File" if issubclass(error, ProcessingError) else "response")


@every_code
def test_every_example_is_what_would_be_sent(code: str) -> None:
    body = call("GET", f"/problems/{code}").json["example"]

    if CATALOGUE[code].status >= 400:
        PROBLEM.validate(body)
        assert (body["retry_after"] is not None) is body["retryable"]
    else:
        assert not {"status", "retry_after", "request_id"} & set(body)
        assert {"occurred_at", "origin_request_id"} <= set(body)
    assert (body["code"], body["type"]) == (code, f"/problems/{code}")


@every_code
def test_every_code_has_a_page_for_a_person(code: str) -> None:
    page, error = browse(f"/problems/{code}"), CATALOGUE[code]

    for text in (error.title, code, error.advice, pages.example(error).sentence):
        assert text in page.text
    assert ("Yes: the same request" in page.text) is error.retryable
    assert ("in the failure of a File" in page.text) is issubclass(error, ProcessingError)
    assert (f"with status {error.status}" in page.text) is not issubclass(error, ProcessingError)
    example = page.text[page.text.index("{") : page.text.rindex("}") + 1]
    assert example == json.dumps(pages.example_body(error), indent=2)


@pytest.mark.parametrize(
    ("code", "meta"),
    [
        ("file_too_large", {"max_bytes": 25 * 1024 * 1024}),
        ("filename_too_long", {"max_length": 255}),
        ("concurrency_limited", {"max_concurrent": 1}),
        (
            "quota_exceeded",
            {"violated_policies": ["upload"], "limit": 1000, "window_seconds": 24 * 60 * 60},
        ),
    ],
)
def test_an_example_tells_such_details_as_a_client_will_meet(
    code: str, meta: dict[str, Any]
) -> None:
    assert call("GET", f"/problems/{code}").json["example"]["meta"] == meta


def test_an_example_that_can_be_repeated_says_when() -> None:
    assert pages.example_body(CATALOGUE["quota_exceeded"])["retry_after"] == 5
    assert pages.example_body(CATALOGUE["scanner_timeout"])["retry_after"] == 30


def test_the_list_for_a_person_links_to_every_page() -> None:
    linked = {value for name, value in browse("/problems/").attributes if name == "href"}

    assert linked == {f"/problems/{code}" for code in CATALOGUE}


def test_the_list_for_a_person_says_what_can_be_repeated() -> None:
    text = browse("/problems/").text

    for code, error in CATALOGUE.items():
        assert f"{code}{error.title}{'yes' if error.retryable else 'no'}" in text


def test_the_type_of_a_problem_leads_to_its_page() -> None:
    problem = assert_problem(call("GET", "/nowhere"), 404, "not_found")

    assert call("GET", problem["type"]).json["code"] == "not_found"


def test_a_code_nobody_has_is_not_found() -> None:
    assert_problem(call("GET", "/problems/no_such_code"), 404, "not_found")


@every_page
def test_a_page_has_no_script_no_picture_and_nothing_from_elsewhere(path: str) -> None:
    page = browse(path)

    assert not {"script", "img", "iframe", "link", "object", "form", "base"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name == "style"]
    links = [str(value) for name, value in page.attributes if name in ("href", "src")]
    assert all(re.fullmatch(r"/[a-z0-9_/]+", link) for link in links)


@every_page
def test_the_policy_allows_the_one_style_sheet_and_nothing_else(path: str) -> None:
    page, policy = browse(path), policy_of(call("GET", path, headers=BROWSER))

    assert len(page.styles) == 1
    digest = base64.b64encode(hashlib.sha256(page.styles[0].encode()).digest()).decode()
    assert policy.pop("style-src") == [f"'sha256-{digest}'"]
    assert policy == {
        "default-src": ["'none'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
    }


@pytest.mark.parametrize("path", PAGES[:2])
def test_a_cache_is_told_that_there_are_two_forms(path: str) -> None:
    for headers in (BROWSER, {}):
        assert "Accept" in call("GET", path, headers=headers).headers["vary"]


def test_what_a_title_might_hold_is_text_on_the_page() -> None:
    error: Any = type("Tagged", (CATALOGUE["not_found"],), {"__doc__": "<b>bold</b> & so."})
    error.title = "<script>alert(1)</script>"

    page = Page(pages.render_one(error))

    assert not {"script", "b"} & set(page.tags)
    assert "<script>alert(1)</script>" in page.text


@every_code
def test_every_kind_of_detail_has_an_example(code: str) -> None:
    error: type[ServiceError] = CATALOGUE[code]

    assert set(pages.example(error).meta) == set(error.meta_names())
