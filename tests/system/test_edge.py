"""Whatever goes wrong on the wire: the Problem from nginx, and from the server itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import requests

from tests import samples
from tests.system.edge import (
    edge,
    full_server,
    is_whole,
    scripted_server,
    silent_server,
    talk,
)
from tests.system.service import Service, bearer, free_port, wait_until

pytestmark = pytest.mark.system

SCHEMA = json.loads((Path(__file__).parents[1] / "problem.schema.json").read_text())
HOST = b"Host: localhost\r\n"


@pytest.fixture(scope="module")
def front(service: Service) -> Iterator[int]:
    """The port of an nginx before the running service."""
    with edge(service.port) as port:
        yield port


def read_problem(answer: bytes) -> dict[str, Any]:
    """The Problem of a raw answer, checked against the contract."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines[1:]}
    problem: dict[str, Any] = json.loads(body)
    jsonschema.validate(problem, SCHEMA)
    assert headers["content-type"] == "application/problem+json"
    assert int(lines[0].split(" ")[1]) == problem["status"]
    assert headers["x-error-code"] == problem["code"]
    assert headers["x-request-id"] == problem["request_id"]
    assert headers.get("retry-after") == (
        str(problem["retry_after"]) if problem["retry_after"] else None
    )
    return problem


WIRE = {
    "garbage": (b"GARBAGE\r\n\r\n", "bad_request"),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", "bad_request"),
    "two lengths": (
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        "bad_request",
    ),
    "length and chunks": (
        b"POST / HTTP/1.1\r\n"
        + HOST
        + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "bad_request",
    ),
    "unknown coding": (
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: zip\r\n\r\n",
        "not_implemented",
    ),
    "unknown version": (b"GET / HTTP/9.1\r\n" + HOST + b"\r\n", "http_version_unsupported"),
    "trace": (b"TRACE / HTTP/1.1\r\n" + HOST + b"\r\n", "method_not_allowed"),
    "long target": (
        b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
        "uri_too_long",
    ),
    "long header": (
        b"GET / HTTP/1.1\r\n" + HOST + b"X-Long: " + b"a" * 9000 + b"\r\n\r\n",
        "headers_too_large",
    ),
    "large body": (
        b"POST /upload/ HTTP/1.1\r\n" + HOST + b"Content-Length: 31457280\r\n\r\n",
        "payload_too_large",
    ),
    "metrics": (b"GET /metrics HTTP/1.1\r\n" + HOST + b"\r\n", "permission_denied"),
    "unknown route": (b"GET /nowhere HTTP/1.1\r\n" + HOST + b"\r\n", "not_found"),
}

ASKING = {
    "page": b"GET / HTTP/1.1\r\n" + HOST + b"\r\n",
    "upload": b"POST /upload/ HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nhello",
}
# Each by a service that has read the request: it may have been carried out.
BROKEN = {
    "nothing": b"",
    "nonsense": b"HTTP/1.1 200 OK\r\n\0: no header\r\n\r\n",
    "half a head": b"HTTP/1.1 201 Created\r\nContent-Le",
}


@pytest.mark.parametrize(("request_bytes", "code"), WIRE.values(), ids=WIRE)
def test_row_31_the_edge_answers_with_the_problem(
    front: int, request_bytes: bytes, code: str
) -> None:
    assert read_problem(talk(front, request_bytes))["code"] == code


@pytest.mark.parametrize("request_bytes", ASKING.values(), ids=ASKING)
def test_row_31_a_service_that_is_gone_is_unavailable_and_asked_again_later(
    request_bytes: bytes,
) -> None:
    with edge(free_port()) as port:
        problem = read_problem(talk(port, request_bytes))

    assert (problem["status"], problem["code"]) == (503, "service_unavailable")
    assert (problem["retryable"], problem["meta"]) == (True, {"failing": ["service"]})
    assert problem["retry_after"]


def test_row_31_a_service_whose_name_nobody_knows_is_unavailable() -> None:
    with edge(None) as port:
        problem = read_problem(talk(port, ASKING["upload"]))

    assert problem["code"] == "service_unavailable"


def test_row_31_a_service_that_takes_no_connection_is_unavailable() -> None:
    with full_server() as upstream, edge(upstream) as port:
        problem = read_problem(talk(port, ASKING["upload"]))

    assert problem["code"] == "service_unavailable"


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("request_bytes", ASKING.values(), ids=ASKING)
def test_row_31_a_service_that_answers_nonsense_or_breaks_off_is_a_bad_gateway(
    request_bytes: bytes, answer: bytes
) -> None:
    with scripted_server(lambda _: answer) as upstream, edge(upstream) as port:
        problem = read_problem(talk(port, request_bytes))

    assert (problem["status"], problem["code"]) == (502, "bad_gateway")
    assert problem["retryable"]


def test_row_31_an_answer_that_breaks_off_in_its_body_is_not_made_whole() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
    with scripted_server(lambda _: head + b"half") as upstream, edge(upstream) as port:
        answer = talk(port, ASKING["page"])

    assert answer.endswith(b"half")
    assert not is_whole(answer)


def test_a_problem_of_the_service_itself_is_passed_on_as_it_is() -> None:
    said = b"HTTP/1.1 503 Said\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nours"
    with scripted_server(lambda _: said) as upstream, edge(upstream) as port:
        answer = talk(port, ASKING["upload"])

    assert b"Retry-After: 7\r\n" in answer
    assert answer.endswith(b"\r\n\r\nours")


def note(asked: list[bytes], request: bytes) -> bytes:
    """Keep what was asked; answer nothing."""
    asked.append(request)
    return b""


def test_no_connection_to_the_service_is_kept_for_another_request() -> None:
    asked: list[bytes] = []
    with scripted_server(partial(note, asked)) as upstream, edge(upstream) as port:
        talk(port, ASKING["upload"])

    assert b"\r\nConnection: close\r\n" in asked[0]


def test_row_31_a_service_that_never_answers_is_a_gateway_timeout() -> None:
    with silent_server() as upstream, edge(upstream, read_seconds=1) as port:
        problem = read_problem(talk(port, b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"))

    assert problem["code"] == "gateway_timeout"


def test_too_many_connections_of_one_address_are_refused() -> None:
    with silent_server() as upstream, edge(upstream, max_connections=1) as port:
        import socket

        with socket.create_connection(("127.0.0.1", port)) as first:
            first.sendall(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
            wait_until(
                lambda: b" 429 " in talk(port, b"GET / HTTP/1.1\r\n" + HOST + b"\r\n", seconds=1),
                10,
                "the second connection is refused",
            )
            problem = read_problem(talk(port, b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"))

    assert problem["code"] == "concurrency_limited"


def test_an_upload_through_the_edge_is_kept_and_carries_the_edge_s_request_id(
    front: int, service: Service
) -> None:
    token = service.issue_token("edge")

    created = requests.post(
        f"http://127.0.0.1:{front}/upload/",
        files={"file": ("photo.png", samples.image("PNG"))},
        headers=bearer(token),
        timeout=30,
    )

    assert created.status_code == 201, created.text
    assert len(created.headers["X-Request-ID"]) == 32
    assert "granian" not in created.headers.get("Server", "")


def test_row_41_content_keeps_its_headers_through_the_edge(front: int, service: Service) -> None:
    token = service.issue_token("reader")
    created = service.upload(token, b"hello world", "a.txt").json()
    wait_until(
        lambda: service.get(token, f"/files/{created['id']}/").json()["processed"], 10, "done"
    )
    url = f"http://127.0.0.1:{front}{created['file']}"

    whole = requests.get(url, headers=bearer(token), timeout=10)
    etag = whole.headers["ETag"]
    part = requests.get(
        url, headers=bearer(token) | {"Range": "bytes=6-", "If-Range": etag}, timeout=10
    )
    known = requests.get(url, headers=bearer(token) | {"If-None-Match": etag}, timeout=10)
    beyond = requests.get(url, headers=bearer(token) | {"Range": "bytes=99-"}, timeout=10)

    for answer in (whole, part, known):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"].startswith("sandbox")
        assert answer.headers["ETag"] == etag
    assert (whole.content, part.content) == (b"hello world", b"world")
    assert (part.status_code, known.status_code, beyond.status_code) == (206, 304, 416)
    assert beyond.json()["code"] == "range_not_satisfiable"


def test_row_9_a_chunked_upload_arrives_with_a_length_through_the_edge(
    front: int, service: Service
) -> None:
    token = service.issue_token("edge")
    form = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhello'
        b"\r\n--b--\r\n"
    )
    answer = requests.post(
        f"http://127.0.0.1:{front}/upload/",
        data=iter([form[:20], form[20:]]),
        headers=bearer(token) | {"Content-Type": "multipart/form-data; boundary=b"},
        timeout=30,
    )

    assert answer.status_code == 201, answer.text


# --- the server itself, without nginx -----------------------------------------------------


def test_row_30_the_server_never_answers_html_or_an_echo(service: Service) -> None:
    for request_bytes, _ in WIRE.values():
        answer = talk(service.port, request_bytes)

        assert b"<html" not in answer.lower()
        assert b"GARBAGE" not in answer
        assert b"a" * 100 not in answer


@pytest.mark.parametrize("name", ["long target", "long header"])
def test_row_30_what_is_too_long_is_told_before_the_server_s_own_limits(
    service: Service, name: str
) -> None:
    request_bytes, code = WIRE[name]
    doubled = request_bytes.replace(b"a" * 9000, b"a" * 18000)

    assert read_problem(talk(service.port, doubled))["code"] == code


def test_row_7_a_peer_that_vanishes_leaves_nothing(service: Service) -> None:
    token = service.issue_token("vanishing").encode()
    before = service.kept_files()
    head = (
        b"POST /upload/ HTTP/1.1\r\n" + HOST + b"Authorization: Bearer " + token + b"\r\n"
        b"Content-Length: 5000\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n"
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhello'
    )

    answer = talk(service.port, head, half_close=True)

    if answer:  # mostly it cannot be delivered any more
        assert read_problem(answer)["code"] == "incomplete_body"
    wait_until(lambda: service.kept_files() == before, 10, "nothing is left")
    wait_until(lambda: "incomplete_body" in service.output, 10, "it is logged")


def test_row_32_a_client_that_sends_on_sees_the_answer(service: Service) -> None:
    token = service.issue_token("stubborn")

    answers = [
        service.upload(token, b"a" * (26 * 1024 * 1024), "big.txt").json()["code"] for _ in range(6)
    ]

    assert answers == ["payload_too_large"] * 6
