"""One answer for everybody who asks at once: one thread finds it out, none lines up behind it."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

from security.concurrency import ClientSlots

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Told(Generic[Answer]):
    """An answer, and when it was found out (`time.monotonic`)."""

    answer: Answer
    found_at: float

    @property
    def age_seconds(self) -> float:
        return time.monotonic() - self.found_at


class SharedAnswer(Generic[Answer]):
    """The last answer while it is good; else it is asked for anew, by one thread at a time.

    Who comes meanwhile is told the last one, unless it is too old to be of use; then they wait
    for the thread that asks, and share its failure too. A lock around the question instead would
    have each of them wait its own time-out, one after the other (measured: 42 s for 14).
    """

    def __init__(
        self,
        ask: Callable[[], Answer],
        good_for: Callable[[Answer], float],
        *,
        usable_seconds: float = math.inf,
        room: ClientSlots | None = None,
    ) -> None:
        self._ask = ask
        self._good_for = good_for
        self._usable_seconds = usable_seconds
        self._room = room
        self._lock = threading.Lock()
        self._last: Told[Answer] | None = None
        self._under_way: Future[Told[Answer]] | None = None

    def tell(self) -> Told[Answer]:
        """Raises what asking raises, and Overloaded when there is no room to wait."""
        with self._lock:
            last, under_way = self._last, self._under_way
            if last and last.age_seconds < self._good_for(last.answer):
                return last
            if under_way is None:
                mine = self._under_way = Future[Told[Answer]]()
            elif last and last.age_seconds < self._usable_seconds:
                return last
        return self._find_out(mine) if under_way is None else self._wait_for(under_way)

    def _find_out(self, mine: Future[Told[Answer]]) -> Told[Answer]:
        try:
            told = Told(self._ask(), time.monotonic())
        except BaseException as error:
            with self._lock:
                self._under_way = None
            mine.set_exception(error)
            raise
        with self._lock:
            self._last, self._under_way = told, None
        mine.set_result(told)
        return told

    def _wait_for(self, under_way: Future[Told[Answer]]) -> Told[Answer]:
        with self._room.take() if self._room else contextlib.nullcontext():
            return under_way.result()
