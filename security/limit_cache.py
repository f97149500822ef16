"""Django's Redis cache for the rate limits, which counts in this process while Redis is away."""

from __future__ import annotations

import time
from typing import Any

import structlog
from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache, RedisCacheClient

from errors.metrics import LIMITER_FALLBACKS, LIMITER_WITHOUT_REDIS
from security.circuit_breaker import CircuitBreaker

log = structlog.get_logger("rate_limit")

REST_SECONDS = 5.0
# Django's own default of 300 would forget clients, and with them their counts.
MAX_CLIENTS = 20_000
# How long a count is kept whose end nobody knows any more.
MISSING_SECONDS = 300
Version = int | None


class CountingClient(RedisCacheClient):
    """Redis in one round trip a count, where Django's client needs four (measured).

    It keeps its connections' client, counts without asking first whether there is a key, and
    remembers for how long a key it has seen will be there.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._kept: dict[bool, Any] = {}
        self._ends: dict[str, float] = {}

    def get_client(self, key: Any = None, *, write: bool = False) -> Any:
        if write not in self._kept:
            self._kept[write] = super().get_client(key, write=write)
        return self._kept[write]

    def add(self, key: Any, value: Any, timeout: Any) -> bool:
        added = bool(super().add(key, value, timeout))
        if len(self._ends) >= MAX_CLIENTS:
            self._ends.clear()
        self._ends[key] = time.monotonic() + (timeout or 0)
        return added

    def knows(self, key: str) -> bool:
        """Whether it has seen the key, and its time is not over."""
        return self._ends.get(key, 0.0) > time.monotonic()

    def incr(self, key: Any, delta: int) -> int:
        """Count on; one that Redis has lost starts anew, for the time that was left to it."""
        client = self.get_client(key, write=True)
        count = int(client.incr(key, delta))
        if count == delta:
            left = self._ends.get(key, 0.0) - time.monotonic()
            client.expire(key, max(MISSING_SECONDS, round(left)))
        return count


class FallbackRedisCache(RedisCache):
    """Limits fall back, never off.

    While the circuit is open each process counts for itself, so a client may get up to the
    limit from every process; that is said in ARCHITECTURE.md, decision 6.
    """

    # One for all: Django makes a cache object for each thread.
    _breaker = CircuitBreaker(REST_SECONDS)

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = CountingClient
        options = {"MAX_ENTRIES": MAX_CLIENTS}
        self._local = LocMemCache("rate-limit-fallback", {"OPTIONS": options})

    def add(
        self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: Version = None
    ) -> bool:
        if self._breaker.is_closed and self._knows(self.make_key(key, version)):
            return False
        return bool(self._ask("add", key, value, timeout=timeout, version=version))

    def get(self, key: Any, default: Any = None, version: Version = None) -> Any:
        return self._ask("get", key, default=default, version=version)

    def incr(self, key: Any, delta: int = 1, version: Version = None) -> int:
        """Count on; a key that is missing is made.

        When the counting has moved here from Redis between `add` and `incr`, the memory of this
        process does not have it: Django's ValueError would be read as "refuse" by
        django-ratelimit (a false 429, measured).
        """
        try:
            return int(self._ask("incr", key, delta, version=version))
        except ValueError:
            self._local.add(key, 0, timeout=self.default_timeout, version=version)
            return int(self._local.incr(key, delta, version=version))

    def _ask(self, operation: str, *args: Any, **kwargs: Any) -> Any:
        if self._breaker.allows():
            started = time.monotonic()
            try:
                answer = getattr(super(), operation)(*args, **kwargs)
            except Exception as error:  # noqa: BLE001 - a garbled answer has no class of its own
                self._fall_back(type(error).__name__)
            else:
                if self._breaker.record_success(time.monotonic() - started):
                    self._tell("slow")
                else:
                    LIMITER_WITHOUT_REDIS.set(0)
                return answer
        return getattr(self._local, operation)(*args, **kwargs)

    def _knows(self, key: str) -> bool:
        client = self._cache
        return isinstance(client, CountingClient) and client.knows(key)

    def _fall_back(self, reason: str) -> None:
        self._breaker.record_failure()
        self._tell(reason)

    def _tell(self, reason: str) -> None:
        LIMITER_FALLBACKS.inc()
        LIMITER_WITHOUT_REDIS.set(1)
        log.warning("rate_limit.fell_back", error=reason)
