"""Stops asking a dependency that has just failed, for a few seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

SLOW_SECONDS = 0.1
SLOW_CALLS = 5


class CircuitBreaker:
    """Open after one failure; after `rest_seconds` a single caller may try again.

    Not a library: the kept ones hold a lock over the whole call, which would line up every
    thread behind one slow answer.
    """

    def __init__(self, rest_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rest_seconds = rest_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._closed_again_at: float | None = None
        self._slow_calls = 0

    def allows(self) -> bool:
        """True when the caller may try; while open, one caller per rest."""
        with self._lock:
            if self._closed_again_at is None:
                return True
            now = self._clock()
            if now < self._closed_again_at:
                return False
            self._closed_again_at = now + self._rest_seconds
            return True

    @property
    def is_closed(self) -> bool:
        """True while everybody may try; asking is no try."""
        return self._closed_again_at is None

    def record_failure(self) -> None:
        """The try failed: rest from now on."""
        with self._lock:
            self._closed_again_at = self._clock() + self._rest_seconds

    def record_success(self, took_seconds: float = 0.0) -> bool:
        """The try went through: everybody may try again. True when it was too slow for that.

        Several slow ones in a row count as a failure: an answer below the time-out, but just
        so, would otherwise cost every caller all of it (measured: 1 s for each upload).
        """
        with self._lock:
            self._slow_calls = self._slow_calls + 1 if took_seconds > SLOW_SECONDS else 0
            is_slow = self._slow_calls >= SLOW_CALLS
            self._closed_again_at = self._clock() + self._rest_seconds if is_slow else None
            return is_slow
