"""The proxy's own error answers: written from the catalogue, and as the service would say them."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st

from errors.nginx import (
    CHOSEN_PAGES,
    MAX_HEADERS_BYTES,
    MAX_URI_BYTES,
    edge_errors,
    render_error_pages,
)
from errors.problem import CONTENT_TYPE, build_problem, problem_headers
from errors.wsgi_guard import MAX_HEADERS_BYTES as OUR_HEADERS_BYTES
from errors.wsgi_guard import MAX_TARGET_BYTES
from security.size import MULTIPART_OVERHEAD_BYTES
from tests.conftest import PROBLEM
from tests.stack import ROOT

KEPT = ROOT / "docker/nginx-errors.conf"
EDGE = edge_errors(1000, 50)
# As nginx compares it: the bytes it sent to each instance that it tried.
NOTHING_SENT = r'"~^[-0,:\s]*$"'
every_status = pytest.mark.parametrize("status", EDGE)
# nginx takes a quoted word as it stands, but for backslashes, its own quote, and variables.
WORD = r"'((?:[^'\\]|\\.)*)'"


def unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def location(text: str, status: int) -> dict[str, Any]:
    """One page as nginx reads it: its headers, its status and its body."""
    found = re.search(rf"location = /__problem/{status} {{\n(.*?)\n}}", text, re.DOTALL)
    assert found
    block = found[1]
    told = re.search(rf"return (\d+) {WORD};", block)
    assert told
    headers = re.findall(rf"add_header ([\w-]+) {WORD} always;", block)
    return {
        "internal": "internal;" in block,
        "type": re.findall("default_type (.*);", block),
        "headers": {name: unquote(value) for name, value in headers},
        "status": int(told[1]),
        "body": unquote(told[2]),
    }


def test_the_kept_file_is_what_the_command_prints() -> None:
    printed = io.StringIO()
    call_command("print_nginx_errors", stdout=printed)

    assert printed.getvalue() == KEPT.read_text()


def test_the_proxy_takes_bodies_as_large_as_the_service_does(settings: Any) -> None:
    problem = json.loads(location(KEPT.read_text(), 413)["body"])

    assert problem["meta"] == {"max_bytes": settings.MAX_UPLOAD_BYTES + MULTIPART_OVERHEAD_BYTES}


def test_the_limits_told_are_the_ones_the_service_has_itself() -> None:
    assert (MAX_URI_BYTES, MAX_HEADERS_BYTES) == (MAX_TARGET_BYTES, OUR_HEADERS_BYTES)
    template = (ROOT / "docker/nginx.conf.template").read_text()
    assert f"large_client_header_buffers 4 {MAX_URI_BYTES // 1024}k;" in template


@every_status
def test_every_status_leads_to_a_page_that_only_nginx_may_ask_for(status: int) -> None:
    text = render_error_pages(1000, 50)

    page, error = location(text, status), EDGE[status]
    assert (page["internal"], page["status"]) == (True, error.status)
    if status not in CHOSEN_PAGES:
        rewritten = f"={error.status} " if error.status != status else ""
        assert f"error_page {status} {rewritten}/__problem/{status};" in text


@pytest.mark.parametrize(("status", "choice"), CHOSEN_PAGES.items())
def test_a_request_that_was_never_sent_gets_the_page_of_503_and_its_status(
    status: int, choice: str
) -> None:
    template = (ROOT / "docker/nginx.conf.template").read_text()
    chosen = re.search(rf"map \$upstream_bytes_sent \{choice} {{\n(.*?)\n}}", template, re.DOTALL)

    assert f"error_page {status} = /__problem/{choice};" in render_error_pages(1000, 50)
    assert chosen
    assert chosen[1].split() == ["default", f"{status};", '""', "503;", NOTHING_SENT, "503;"]


@pytest.mark.parametrize("sent", ["0", "-", "0, 0", "0, 0 : 0"])
def test_nothing_sent_to_any_instance_is_nothing_sent(sent: str) -> None:
    assert re.search(NOTHING_SENT.strip('"~'), sent)


@pytest.mark.parametrize("sent", ["1", "10", "0, 200", "200 : 0"])
def test_one_byte_sent_to_one_instance_is_sent(sent: str) -> None:
    assert not re.search(NOTHING_SENT.strip('"~'), sent)


@every_status
def test_the_body_is_the_problem_with_the_id_of_the_request(status: int) -> None:
    problem = json.loads(location(render_error_pages(1000, 50), status)["body"])

    assert problem == build_problem(EDGE[status], "$request_id")
    PROBLEM.validate(problem | {"request_id": "0" * 32})


@every_status
def test_the_headers_are_the_ones_of_the_service(status: int) -> None:
    page = location(render_error_pages(1000, 50), status)

    expected = problem_headers(EDGE[status], "$request_id")
    expected.pop("Connection", None)  # nginx writes it
    assert page["headers"] | {"Content-Type": page["type"][0]} == expected
    assert page["type"] == [CONTENT_TYPE]


@every_status
def test_no_variable_of_nginx_stands_in_a_page_but_the_id(status: int) -> None:
    page = location(render_error_pages(1000, 50), status)

    names = re.findall(r"\$(\w*)", f"{page['body']} {page['headers']}")
    assert set(names) == {"request_id"}


def test_the_inventions_of_nginx_are_told_as_statuses_of_http() -> None:
    assert (EDGE[494].status, EDGE[494].code) == (431, "headers_too_large")
    assert (EDGE[497].status, EDGE[497].code) == (400, "bad_request")


@pytest.mark.property
@given(body=st.integers(1, 2**40), connections=st.integers(1, 10_000))
def test_the_limits_of_the_proxy_are_told_as_they_are(body: int, connections: int) -> None:
    text = render_error_pages(body, connections)

    assert json.loads(location(text, 413)["body"])["meta"] == {"max_bytes": body}
    assert json.loads(location(text, 429)["body"])["meta"] == {"max_concurrent": connections}
    assert KEPT.read_text().count("location = ") == text.count("location = ") == len(EDGE)
