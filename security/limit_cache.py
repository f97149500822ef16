"""Django's Redis cache for the rate limits, which counts in this process while Redis is away."""

from __future__ import annotations

import time
from typing import Any

import structlog
from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache

from errors.metrics import LIMITER_FALLBACKS, LIMITER_WITHOUT_REDIS
from security.circuit_breaker import CircuitBreaker

log = structlog.get_logger("rate_limit")

REST_SECONDS = 5.0
# Django's own default of 300 would forget clients, and with them their counts.
MAX_CLIENTS = 20_000
Version = int | None


class FallbackRedisCache(RedisCache):
    """Limits fall back, never off.

    While the circuit is open each process counts for itself, so a client may get up to the
    limit from every process; that is said in ARCHITECTURE.md, decision 6.
    """

    # One for all: Django makes a cache object for each thread.
    _breaker = CircuitBreaker(REST_SECONDS)

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        options = {"MAX_ENTRIES": MAX_CLIENTS}
        self._local = LocMemCache("rate-limit-fallback", {"OPTIONS": options})

    def add(
        self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: Version = None
    ) -> bool:
        return bool(self._ask("add", key, value, timeout=timeout, version=version))

    def get(self, key: Any, default: Any = None, version: Version = None) -> Any:
        return self._ask("get", key, default=default, version=version)

    def incr(self, key: Any, delta: int = 1, version: Version = None) -> int:
        """Count on; a key that is missing is made.

        Between `add` and `incr` the key may expire or the counting may have moved here
        from Redis. Django's version raises ValueError then, which django-ratelimit reads
        as "refuse" (a false 429, measured).
        """
        for _ in range(2):
            try:
                return int(self._ask("incr", key, delta, version=version))
            except (TypeError, ValueError):
                self.add(key, 0, timeout=self.default_timeout, version=version)
        self._fall_back("MissingKey")  # it denies what it was just given
        return self.incr(key, delta, version)

    def _ask(self, operation: str, *args: Any, **kwargs: Any) -> Any:
        if self._breaker.allows():
            started = time.monotonic()
            try:
                answer = getattr(super(), operation)(*args, **kwargs)
            except Exception as error:  # a garbled answer has no class of its own
                if _says_missing_key(error):
                    self._breaker.record_success()
                    raise
                self._fall_back(type(error).__name__)
            else:
                if self._breaker.record_success(time.monotonic() - started):
                    self._tell("slow")
                else:
                    LIMITER_WITHOUT_REDIS.set(0)
                return answer
        return getattr(self._local, operation)(*args, **kwargs)

    def _fall_back(self, reason: str) -> None:
        self._breaker.record_failure()
        self._tell(reason)

    def _tell(self, reason: str) -> None:
        LIMITER_FALLBACKS.inc()
        LIMITER_WITHOUT_REDIS.set(1)
        log.warning("rate_limit.fell_back", error=reason)


def _says_missing_key(error: Exception) -> bool:
    """Django's own words; an answer that is no number is a bare ValueError too (measured)."""
    return type(error) is ValueError and str(error).endswith(" not found.")
