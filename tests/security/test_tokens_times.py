"""A token ends at its moment, and its query is asked again only where a connection was lost."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError

from errors import catalogue
from filesvc.models import Token
from security import tokens
from security.tokens import LOST_SECONDS, ask_first, find_token

ASKED_AT = 0.25


class Asked:
    """A query that fails once; notes how it was asked."""

    def __init__(self, connection: SimpleNamespace, clock: list[float]) -> None:
        self.connection, self.clock = connection, clock
        self.fault: Exception | None = None
        self.takes_seconds = 0.0
        self.checks_skipped: list[bool] = []

    def __call__(self) -> str:
        self.checks_skipped.append(self.connection.health_check_done)
        fault, self.fault = self.fault, None
        if fault:
            self.clock[0] += self.takes_seconds
            raise fault
        return "answer"


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """A query over a connection that notes when it is closed, on a clock of its own."""
    clock = [ASKED_AT]
    connection = SimpleNamespace(in_atomic_block=False, health_check_done=False, closed=0)

    def close() -> None:
        connection.closed += 1

    connection.close = close
    monkeypatch.setattr(tokens, "connection", connection)
    monkeypatch.setattr(tokens, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    return Asked(connection, clock)


def test_the_first_query_is_the_check_of_its_connection(ask: Asked) -> None:
    assert ask_first(ask) == "answer"

    assert (ask.checks_skipped, ask.connection.closed) == ([True], 0)


@pytest.mark.parametrize("fault", [OperationalError("gone"), InterfaceError("gone")])
@pytest.mark.parametrize("takes_seconds", [0.0, LOST_SECONDS])
def test_a_connection_that_tells_at_once_that_it_is_lost_is_replaced(
    ask: Asked, fault: Exception, takes_seconds: float
) -> None:
    ask.fault, ask.takes_seconds = fault, takes_seconds

    assert ask_first(ask) == "answer"

    assert (len(ask.checks_skipped), ask.connection.closed) == (2, 1)


def test_a_database_that_takes_its_time_is_not_asked_twice(ask: Asked) -> None:
    ask.fault, ask.takes_seconds = OperationalError("timeout"), LOST_SECONDS + ASKED_AT

    with pytest.raises(OperationalError):
        ask_first(ask)

    assert (len(ask.checks_skipped), ask.connection.closed) == (1, 0)


def test_within_a_transaction_nothing_is_asked_again(ask: Asked) -> None:
    ask.fault, ask.connection.in_atomic_block = OperationalError("gone"), True

    with pytest.raises(OperationalError):
        ask_first(ask)

    assert (len(ask.checks_skipped), ask.connection.closed) == (1, 0)


def test_a_token_is_over_at_the_very_moment_it_ends(
    make_token: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    header = f"Bearer {make_token(expiry=datetime.timedelta(days=1))}"
    ends: Any = Token.objects.get().expiry
    now = [ends - datetime.timedelta(microseconds=1)]
    monkeypatch.setattr(tokens, "timezone", SimpleNamespace(now=lambda: now[0]))
    assert find_token(header).expiry == ends

    now[0] = ends
    with pytest.raises(catalogue.TokenExpired):
        find_token(header)
