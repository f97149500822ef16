"""A failing property prints the curl lines that repeat its last calls, and they do repeat them."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import reproduce
from tests.client import call, file_part, form, post_form
from tests.stack import ROOT

FAILING = """
from hypothesis import given, strategies as st
from tests.client import call

def answer(environ, start_response):
    start_response("200 OK", [])
    return [b""]

@given(st.integers())
def test_a_property(number):
    call("GET", f"/files/?page_size={number}", token="secret-of-a-test", application=answer)
    assert number < 17
"""


class Seen:
    """What a server heard last, and the address it listens on."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        seen = self.requests

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                seen.append((self.command, self.path, headers, body))
                self.send_response(204)
                self.end_headers()

            do_GET = do_POST = do_DELETE = answer  # noqa: N815 - the names of http.server

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def seen() -> Iterator[Seen]:
    """A server that listens."""
    each = Seen()
    thread = threading.Thread(target=each.server.serve_forever)
    thread.start()
    yield each
    each.server.shutdown()
    thread.join()
    each.server.server_close()


def repeat(seen: Seen) -> tuple[str, str, dict[str, str], bytes]:
    """Run the line of the last call against the server, and tell what arrived."""
    line = reproduce.curl_line(reproduce.CALLS[-1]).replace(reproduce.ADDRESS, seen.address)
    environment = {"PATH": os.environ["PATH"], "TOKEN": "a-new-token"}
    subprocess.run(["bash", "-c", line], check=True, env=environment, capture_output=True)
    return seen.requests[-1]


def silent(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """An application that takes everything."""
    start_response("204 No Content", [])
    return []


@given(
    content=st.binary(max_size=6000),
    query=st.text("abc=&%?*[]{}'\"$`\\;", max_size=10),
    value=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=10),
)
def test_the_line_sends_what_the_test_sent(  # noqa: PLR0917 - what is sent, and where
    seen: Seen,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
    query: str,
    value: str,
) -> None:
    monkeypatch.setattr(reproduce, "FOLDER", tmp_path)
    body = form(file_part(content))
    call(
        "POST",
        f"/upload/?{query}",
        token="secret",
        body=body,
        headers={"X-Word": value, "Content-Type": "a/b"},
        application=silent,
    )

    method, path, headers, sent = repeat(seen)

    assert (method, path, sent) == ("POST", f"/upload/?{query}", body)
    assert (headers["x-word"], headers["content-type"]) == (value, "a/b")
    assert headers["authorization"] == "Bearer a-new-token"


def test_a_false_length_is_part_of_the_line() -> None:
    post_form("secret", b"short", CONTENT_LENGTH="500", application=silent)

    assert "'Content-Length: 500'" in reproduce.curl_line(reproduce.CALLS[-1])


def test_a_failing_property_prints_its_smallest_call(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(FAILING)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    options = ["-p", "tests.reproduce", "-p", "no:cacheprovider", "-p", "no:django", "-q"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}

    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--rootdir", str(tmp_path), "test_it.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert run.returncode == 1
    lines = re.findall(r"^curl .*$", run.stdout, re.MULTILINE)
    assert lines[-1].endswith(f"{reproduce.ADDRESS}/files/?page_size=17'"), run.stdout
    assert "secret-of-a-test" not in "".join(lines)


def test_what_is_kept_of_the_calls_has_an_end() -> None:
    for _ in range(2 * reproduce.KEPT_CALLS):
        call("GET", "/", application=silent, stream=io.BytesIO())

    assert len(reproduce.CALLS) == reproduce.KEPT_CALLS
