"""A wait for clamd is over at its very end, and a reply is read to its last allowed byte."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from security import clamd_client
from security.clamd_client import MAX_REPLY_BYTES, ClamdClient, Deadline
from tests import stack
from tests.security.conftest import Stage
from tests.security.fake_clamd import FakeClamd, Script


def test_a_deadline_is_over_at_its_very_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(clamd_client, "time", SimpleNamespace(monotonic=lambda: now[0]))
    deadline = Deadline(0.5)

    now[0] = 0.25
    assert deadline.bound(10) == 0.25
    now[0] = 0.5
    with pytest.raises(TimeoutError):
        deadline.bound(10)


def test_nothing_is_waited_for_behind_the_longest_reply(stage: Stage) -> None:
    longest = b"x" * MAX_REPLY_BYTES
    with FakeClamd(Script([longest], "hang"), folder=stack.RUN_DIR) as fake:
        reply = ClamdClient(fake.address, 2).scan_descriptor(stage(b"hello").descriptor)

    assert reply == longest
