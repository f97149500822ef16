"""What the limiter knows of its keys ends when they do; a slow Redis is told by the clock."""

from __future__ import annotations

import uuid
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from django.conf import settings
from django.core.cache import caches

from security import limit_cache
from security.circuit_breaker import SLOW_CALLS, SLOW_SECONDS
from security.limit_cache import (
    MAX_CLIENTS,
    MISSING_SECONDS,
    CountingClient,
    FallbackRedisCache,
)

pytestmark = pytest.mark.usefixtures("fresh_limits")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The limiter's clock, on its first second."""
    now = [0.0]
    monkeypatch.setattr(limit_cache, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


@pytest.fixture
def cache() -> FallbackRedisCache:
    """The limiter's cache as the settings make it."""
    made = caches["default"]
    assert isinstance(made, FallbackRedisCache)
    return made


def make_client(*more: str) -> CountingClient:
    """A client of the limiter's Redis, and of more servers to read from."""
    made: Any = settings.CACHES["default"]
    return CountingClient([made["LOCATION"], *more], **made["OPTIONS"])


def key() -> str:
    return uuid.uuid4().hex


def test_a_key_is_known_until_its_time_is_over(clock: list[float]) -> None:
    client, name = make_client(), key()
    assert not client.knows(name)
    client.add(name, 1, 60)

    clock[0] = 59.9
    assert client.knows(name)
    clock[0] = 60.0
    assert not client.knows(name)


def test_a_key_without_an_end_is_asked_for_each_time(cache: FallbackRedisCache) -> None:
    name = key()
    assert cache.add(name, 1, None)
    cache._cache.get_client(write=True).flushdb()

    assert cache.add(name, 1, None)


def test_a_full_memory_of_keys_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    client = make_client()
    monkeypatch.setattr(client, "_ends", {str(n): 0.0 for n in range(MAX_CLIENTS - 1)})

    client.add(key(), 1, 60)
    assert len(client._ends) == MAX_CLIENTS
    client.add(key(), 1, 60)
    assert len(client._ends) == 1


def test_a_count_that_redis_lost_is_given_the_time_that_was_left(clock: list[float]) -> None:
    client, name = make_client(), key()
    clock[0] = 1000.0
    client.add(name, 1, 3600)
    client.get_client(write=True).flushdb()

    clock[0] = 1600.0
    assert client.incr(name, 1) == 1

    assert 2900 < client.get_client(write=True).ttl(name) <= 3000


def test_a_count_whose_end_nobody_knows_ends_too() -> None:
    client, name = make_client(), key()

    assert client.incr(name, 1000) == 1000

    assert MISSING_SECONDS - 60 < client.get_client(write=True).ttl(name) <= MISSING_SECONDS


def test_of_two_servers_the_first_counts_and_the_other_is_read() -> None:
    client, name = make_client("redis://127.0.0.1:1"), key()

    assert client.incr(name, 1) == 1
    with pytest.raises(redis.ConnectionError):
        client.get(name, None)


@pytest.mark.parametrize(("takes_seconds", "is_left_alone"), [(SLOW_SECONDS / 2, False), (1, True)])
def test_a_redis_is_left_alone_when_it_is_slow_again_and_again(
    clock: list[float],
    monkeypatch: pytest.MonkeyPatch,
    log_events: list[dict[str, Any]],
    takes_seconds: float,
    is_left_alone: bool,
) -> None:
    def count(*args: Any) -> int:
        clock[0] += takes_seconds
        return 1

    monkeypatch.setattr(CountingClient, "incr", count)
    breaker = FallbackRedisCache._breaker
    for _ in range(SLOW_CALLS):
        assert breaker.is_closed
        clock[0] = 0.5
        caches["default"].incr(key())

    assert breaker.is_closed is not is_left_alone
    assert [event["error"] for event in log_events] == ["slow"] * is_left_alone
