"""What the tests of the contract share: rows, a queue, nothing remembered, a database to lose."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from django.db import connection

from tests.filesvc.conftest import closed_breaker, doorbell, make_file
from tests.security.conftest import forget_scanner, fresh_limits
from tests.stack import Server

__all__ = ["closed_breaker", "doorbell", "forget_scanner", "fresh_limits", "make_file"]

Outage = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def without_database(servers: dict[str, Server]) -> Outage:
    """`with without_database():` its server is stopped; the test must not hold a transaction."""

    @contextlib.contextmanager
    def outage() -> Iterator[None]:
        if "postgresql" not in servers:
            pytest.skip("SQLite has no server to stop")
        connection.close()
        with servers["postgresql"].stopped():
            yield
            connection.close()

    return outage
