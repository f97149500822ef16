"""A pytest plugin: a test that fails after calls of the API prints them as `curl` lines.

Hypothesis runs the smallest failing example last, so the last calls are the ones to repeat
against a running service (`make run`), with a token of that service in `$TOKEN`.
"""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

KEPT_CALLS = 5
INLINE_BYTES = 4096
FOLDER = Path(__file__).resolve().parent.parent / "var" / "failed"
ADDRESS = "http://127.0.0.1:8000"
# What curl says by itself, or what only the test's own server knows.
LEFT_OUT = {"HOST", "AUTHORIZATION"}


@dataclass(frozen=True)
class Call:
    """One request as it was made: path with its query, environ, and its body."""

    path: str
    environ: dict[str, Any]
    body: bytes


CALLS: deque[Call] = deque(maxlen=KEPT_CALLS)


def note_call(path: str, environ: dict[str, Any], body: bytes) -> None:
    """Remember a request; only the last few are kept."""
    CALLS.append(Call(path, environ, body))


def pytest_runtest_setup() -> None:
    """No calls of one test under another."""
    CALLS.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the lines to the report of a failure."""
    report = yield
    if report.failed and CALLS:
        lines = "\n".join(curl_line(call) for call in CALLS)
        report.sections.append(("The last calls, to be repeated against `make run`", lines))
    return report


def curl_line(call: Call) -> str:
    """The call as one line for a shell; a long body is put beside it in a file."""
    environ = call.environ
    words = ["curl", "-si", "--path-as-is", "-g", "-X", str(environ["REQUEST_METHOD"])]
    for name, value in list_headers(environ, len(call.body)):
        words += ["-H", f"{name}: {value}" if value else f"{name};"]
    line = " ".join(quote(word) for word in words)
    if "HTTP_AUTHORIZATION" in environ:
        line += ' -H "Authorization: Bearer $TOKEN"'
    line += " " + quote(ADDRESS + call.path)
    return with_body(line, call.body) if call.body else line


def list_headers(environ: dict[str, Any], body_bytes: int) -> list[tuple[str, str]]:
    """The headers that were sent and that curl would not send like this by itself."""
    headers = [
        (name.removeprefix("HTTP_"), str(value))
        for name, value in environ.items()
        if name.startswith("HTTP_")
    ]
    headers += [(name, str(environ.get(name, ""))) for name in ("CONTENT_TYPE",)]
    length = environ.get("CONTENT_LENGTH")
    if length is not None and str(length) != str(body_bytes):
        headers.append(("CONTENT_LENGTH", str(length)))
    return [
        (name.replace("_", "-").title(), value) for name, value in headers if name not in LEFT_OUT
    ]


def with_body(line: str, body: bytes) -> str:
    """Short bodies travel inside the line, long ones in a file."""
    if len(body) <= INLINE_BYTES:
        coded = base64.b64encode(body).decode()
        return f"echo {coded} | base64 -d | {line} --data-binary @-"
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{hashlib.sha256(body).hexdigest()[:16]}.body"
    path.write_bytes(body)
    return f"{line} --data-binary @{shlex.quote(str(path))}"


def quote(word: str) -> str:
    """One word for bash; whatever is not printable ASCII is spelled out byte by byte."""
    if word.isascii() and word.isprintable():
        return shlex.quote(word)
    told = "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b"\\'" else f"\\x{byte:02x}"
        for byte in word.encode("utf-8", "surrogateescape")
    )
    return f"$'{told}'"
