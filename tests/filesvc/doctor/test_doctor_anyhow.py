"""Whichever parts are away, the doctor names exactly those, and says what to do about each."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from filesvc.doctor import exit_status
from filesvc.doctor.finding import Finding, State
from security import signatures
from tests.stack import Server

pytestmark = pytest.mark.django_db(transaction=True)

# A part, and the names under which its absence is told.
NAMED = {"clamd": {"scanner"}, "redis": {"broker", "cache"}, "store": {"storage"}}
EVERY = set().union(*NAMED.values())


@hypothesis_settings(max_examples=8)
@given(away=st.sets(st.sampled_from(sorted(NAMED))))
def test_the_doctor_names_exactly_what_is_away(
    servers: dict[str, Server],
    storage: Path,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    away: set[str],
) -> None:
    monkeypatch.setattr(signatures, "_remembered", None)
    settings.MAX_UPLOAD_BYTES = 1_000_000
    settings.STORAGE_ROOT = storage / "gone" if "store" in away else storage
    out = io.StringIO()
    with contextlib.ExitStack() as stack:
        for name in away & set(servers):
            stack.enter_context(servers[name].stopped())
        with pytest.raises(SystemExit) as ended:
            call_command("doctor", "--json", stdout=out)

    told = json.loads(out.getvalue())
    failed = {finding["name"] for finding in told["findings"] if finding["state"] == "failed"}
    assert failed & EVERY == set().union(*(NAMED[name] for name in away))
    assert all(
        finding["remedy"]
        for finding in told["findings"]
        if finding["state"] in ("failed", "warning", "unknown")
    )
    assert ended.value.code == told["exit"]


@given(states=st.lists(st.sampled_from(list(State))))
def test_the_exit_status_follows_the_worst(states: list[State]) -> None:
    status = exit_status(Finding("one", state, "") for state in states)

    assert (status == 1) == (State.FAILED in states)
    assert (status == 2) == (State.UNKNOWN in states and State.FAILED not in states)
