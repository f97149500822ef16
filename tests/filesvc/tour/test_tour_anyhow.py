"""Whatever refuses the steps of the tour, each is told as what it was, and all as not well."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filesvc.tour import steps
from filesvc.tour.client import NoTour
from filesvc.tour.walk import take_tour

Refusal = tuple[int, bytes]
TYPES = [steps.TEXT, steps.JPEG, steps.PNG, steps.PDF]
STATUSES = [400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503]
WORDS = st.text("abcdefghijklmnopqrstuvwxyz_", max_size=12)
documents = st.dictionaries(st.sampled_from(["code", "status", "title"]), WORDS)
refusals: st.SearchStrategy[Refusal] = st.tuples(
    st.sampled_from(STATUSES),
    documents.map(lambda told: json.dumps(told).encode()) | st.binary(max_size=10),
).filter(lambda refusal: b"rate_limited" not in refusal[1])


class Refusing(BaseHTTPRequestHandler):
    """A service that knows itself and its clients, and refuses whatever else it is asked."""

    policy: dict[str, Any]
    refusals: Iterator[Refusal]

    def do_GET(self) -> None:
        if self.path == "/policy/":
            self.answer(200, json.dumps(self.policy).encode())
        elif self.path.startswith("/files/?"):
            self.answer(200, b"{}")
        else:
            self.do_POST()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.answer(*next(Refusing.refusals))

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def address() -> Iterator[str]:
    """Where it listens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def repeat(drawn: list[Refusal]) -> Iterator[Refusal]:
    """These, again and again."""
    while True:
        yield from drawn


@settings(max_examples=30)
@given(drawn=st.lists(refusals, min_size=1, max_size=9), allowed=st.sets(st.sampled_from(TYPES)))
def test_every_step_that_is_refused_is_told_as_such(
    address: str, capsys: pytest.CaptureFixture[str], drawn: list[Refusal], allowed: set[str]
) -> None:
    types = [{"media_type": name} for name in sorted(allowed)]
    Refusing.policy = {"max_upload_bytes": 1000, "types": types, "rate": {"limit": 2}}
    Refusing.refusals = repeat(drawn)
    capsys.readouterr()

    is_well = take_tour(address, "a-token")

    lines = {line[11:33].strip(): line for line in capsys.readouterr().out.splitlines()}
    tried = {step.title for step in steps.STEPS if set(step.needs) <= allowed}
    for step in steps.STEPS:
        told = lines[step.title]
        assert told.startswith("not tried") == (step.title not in tried)
        if "201 queued" in step.expected and step.title in tried:
            assert told.startswith("DIFFERS")
    assert is_well == (not any(line.startswith("DIFFERS") for line in lines.values()))
    assert is_well == (steps.TEXT not in allowed and not {steps.JPEG, steps.PDF} & allowed)


@settings(max_examples=20)
@given(policy=st.none() | st.integers() | st.text(max_size=5) | st.dictionaries(WORDS, WORDS))
def test_what_has_no_policy_of_ours_is_no_service_of_ours(address: str, policy: Any) -> None:
    Refusing.policy = policy

    with pytest.raises(NoTour):
        take_tour(address, "a-token")
