"""How often, and whether just now, the limiter works without Redis is told by two metrics."""

from __future__ import annotations

import pytest
from django.core.cache import caches

from errors.metrics import LIMITER_FALLBACKS, LIMITER_WITHOUT_REDIS
from security.circuit_breaker import CircuitBreaker
from security.limit_cache import REST_SECONDS, FallbackRedisCache
from tests.stack import Server


def told() -> tuple[float, float]:
    """Fallbacks so far, and whether the limiter is without Redis now."""
    return LIMITER_FALLBACKS._value.get(), LIMITER_WITHOUT_REDIS._value.get()


def test_a_fallback_is_counted_once_and_told_until_redis_is_back(
    servers: dict[str, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(
        FallbackRedisCache, "_breaker", CircuitBreaker(REST_SECONDS, clock=lambda: now[0])
    )
    cache = caches["default"]
    cache.incr("test:limit-counts")
    before, without = told()
    assert without == 0

    with servers["redis"].stopped():
        for _ in range(3):
            cache.incr("test:limit-counts")
        assert told() == (before + 1, 1), "the circuit is open after the first"

    now[0] += REST_SECONDS
    cache.incr("test:limit-counts")
    assert told() == (before + 1, 0)
