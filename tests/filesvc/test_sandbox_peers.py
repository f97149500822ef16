"""The other end of the keeper's socket: gone, deaf, or not the confined process at all."""

from __future__ import annotations

import os
import socket
import subprocess
from typing import Any

import pytest

from errors import catalogue
from filesvc import sandbox
from filesvc.processors.subject import tell_nobody
from filesvc.sandbox import ProcessorDied, Sandbox
from tests.filesvc.conftest import new_row
from tests.filesvc.test_sandbox_answers import READY, TELLING, frames

Told = dict[str, Any]


@pytest.mark.parametrize("ready", [{"is_ready": False}, TELLING, {"crash": "x"}, b"", b"\xff"])
def test_a_process_that_says_anything_else_first_gets_no_file(
    monkeypatch: pytest.MonkeyPatch, ready: Told | bytes
) -> None:
    def start(program: str, descriptor: int) -> subprocess.Popen[bytes]:
        with socket.socket(fileno=os.dup(descriptor)) as theirs:
            theirs.sendall(frames(ready))
        return subprocess.Popen(["true"])

    monkeypatch.setattr(sandbox, "start", start)

    with pytest.raises(catalogue.ProcessingDependencyUnavailable):
        Sandbox("nothing is started")


@pytest.mark.parametrize(
    ("program", "end"), [("true", "exit status 0"), ("sleep", "stopped answering")]
)
def test_a_process_that_hangs_up_has_died_even_when_it_lives_on(
    monkeypatch: pytest.MonkeyPatch, program: str, end: str
) -> None:
    def start(_: str, descriptor: int) -> subprocess.Popen[bytes]:
        with socket.socket(fileno=os.dup(descriptor)) as theirs:
            theirs.sendall(frames(READY))
        return subprocess.Popen([program, "60"])

    monkeypatch.setattr(sandbox, "start", start)
    monkeypatch.setattr(sandbox, "STOP_SECONDS", 1.0)
    keeper = Sandbox("nothing is started")

    with open(os.devnull, "rb") as source, pytest.raises(ProcessorDied, match=end):
        keeper.describe(new_row(), source, tell_nobody)

    keeper.stop()
    assert keeper.is_used_up


def test_a_process_that_hangs_up_with_its_question_unread_has_died(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    peers: list[socket.socket] = []

    def start(_: str, descriptor: int) -> subprocess.Popen[bytes]:
        peers.append(socket.socket(fileno=os.dup(descriptor)))
        peers[0].sendall(frames(READY, {"progress": ["reading", 1]}))
        return subprocess.Popen(["true"])

    monkeypatch.setattr(sandbox, "start", start)
    keeper = Sandbox("nothing is started")

    # By the time it tells of progress the question was sent, and nobody has read it.
    with open(os.devnull, "rb") as source, pytest.raises(ProcessorDied, match="exit status 0"):
        keeper.describe(new_row(), source, lambda stage, percent: peers[0].close())

    keeper.stop()
