"""The main job through the front door: upload, refuse, process, list, hand out."""

from __future__ import annotations

import io
import socket
import time
from pathlib import Path

import pytest

from tests import samples
from tests.system.service import Service, wait_until

pytestmark = pytest.mark.system

MIB = 1024 * 1024
TEXT = "Žluťoučký kůň\npěl ódy\n".encode()


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("photo.png", samples.image("PNG"), "image"),
        ("paper.pdf", samples.pdf(), "pdf"),
        ("poem.txt", TEXT, "text"),
    ],
)
def test_a_file_is_processed_within_five_seconds_and_comes_back_unchanged(
    service: Service, name: str, content: bytes, kind: str
) -> None:
    token = service.issue_token()

    created = service.upload(token, content, name)

    assert created.status_code == 201, created.text
    path = created.headers["Location"]
    wait_until(lambda: service.get(token, path).json()["processed"], 5, f"{name} is processed")
    told = service.get(token, path).json()
    assert told["metadata"]["kind"] == kind
    assert told["scan"]["signatures"] == "test-only"
    assert told["id"] in [file["id"] for file in service.get(token, "/files/").json()["results"]]
    fetched = service.get(token, told["file"])
    assert fetched.content == content
    assert fetched.headers["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize(
    ("name", "content", "status", "code"),
    [
        ("note.txt", samples.EICAR + b"\n", 422, "malware_detected"),
        ("paper.pdf", samples.image("PNG"), 422, "content_mismatch"),
        ("big.txt", b"a" * (26 * MIB), 413, "payload_too_large"),
    ],
)
def test_a_refused_file_leaves_no_row_and_no_byte(
    service: Service, name: str, content: bytes, status: int, code: str
) -> None:
    token = service.issue_token(f"refused-{code}")
    before = service.kept_files()

    answer = service.upload(token, content, name)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert service.get(token, "/files/").json()["results"] == []
    assert service.kept_files() == before


def test_without_a_token_nothing_of_the_body_is_read(service: Service) -> None:
    head = (
        "POST /upload/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", service.port), timeout=5) as client:
        client.sendall(head.encode())  # and not one byte of the body

        answer = client.recv(65536)

    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"authentication_required" in answer


def test_the_61st_upload_of_a_window_is_refused(service: Service) -> None:
    token = service.issue_token("busy")
    answers = []
    # A window may end while we count; the second try then lies inside one window.
    for _ in range(2):
        answers = [service.upload(token, b"x", "x.txt") for _ in range(61)]
        if answers[-1].status_code == 429:
            break

    assert answers[-1].json()["code"] == "rate_limited"
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert answers[-1].headers["RateLimit"].startswith('"upload";r=0;')


def test_a_stopped_scanner_refuses_and_its_return_heals(service: Service) -> None:
    token = service.issue_token("patient")
    service.control("stop", "backends:clamd")
    before = service.kept_files()
    began = time.monotonic()

    refused = service.upload(token, b"hello", "note.txt")

    assert (refused.status_code, refused.json()["code"]) == (503, "scanner_unavailable")
    assert time.monotonic() - began < 2
    assert int(refused.headers["Retry-After"]) >= 1
    assert service.kept_files() == before
    # An answer of before is good for a second.
    wait_until(lambda: not service.is_ready(), 3, "not ready")
    assert service.get(None, "/health/ready").json()["meta"] == {"failing": ["scanner"]}
    service.control("start", "backends:clamd")
    wait_until(service.is_ready, 20, "ready again")
    assert service.upload(token, b"hello", "note.txt").status_code == 201


def test_a_stopped_redis_costs_time_and_no_file(service: Service) -> None:
    token = service.issue_token("lucky")
    service.control("stop", "backends:redis")

    created = service.upload(token, b"hello", "note.txt")

    assert created.status_code == 201, created.text
    service.control("start", "backends:redis")
    path = created.headers["Location"]
    wait_until(lambda: service.get(token, path).json()["processed"], 40, "the sweeper rang again")


def test_the_curl_line_of_the_first_start_works_as_printed(own_service: Service) -> None:
    import subprocess

    own_service.start()
    lines = [line.strip() for line in own_service.output.splitlines() if "curl " in line]

    told = [
        subprocess.run(["sh", "-c", line], cwd=own_service.root, capture_output=True, check=True)
        for line in lines
    ]

    assert b'"name":"README.md"' in told[0].stdout
    assert b'"results":[{' in told[1].stdout


def test_a_stream_of_unknown_length_is_refused(service: Service) -> None:
    token = service.issue_token("chunked")

    answer = service.upload(token, io.BytesIO(b"x"), "x.txt", stream=True)
    chunked = service_post_chunked(service, token)

    assert answer.status_code == 201
    assert chunked.startswith(b"HTTP/1.1 411 ")


def service_post_chunked(service: Service, token: str) -> bytes:
    """A chunked upload, as the server passes it on: without a length."""
    head = (
        "POST /upload/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: multipart/form-data; boundary=x\r\n\r\n"
        "5\r\nhello\r\n0\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", service.port), timeout=5) as client:
        client.sendall(head.encode())
        return client.recv(65536)


def test_everything_the_service_writes_lies_in_var(service: Service) -> None:
    ours = {"var", ".venv", "make-run.txt"}
    written = {path.name for path in Path(service.root).iterdir()}

    assert written - ours <= {path.name for path in Path(__file__).parents[2].iterdir()}
    assert (service.root / "var/env").stat().st_mode & 0o777 == 0o600
