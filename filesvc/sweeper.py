"""Repairs whatever was left half done, each kind as often as it is due (filesvc.repairs).

Its own process and not a Celery task, because it must work while the broker is away.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from django.db import Error as DatabaseError
from django.db import close_old_connections, connections

from filesvc.repairs import QUEUE_REPAIRS, REPAIRS, ROUND_SECONDS, STORE_REPAIRS
from filesvc.repairs.repair import Repair, mend_all
from filesvc.stores.places import Stored

log = structlog.get_logger("sweeper")


class Rounds:
    """Which repairs are due, and since when each thing that was found by its age is known."""

    def __init__(
        self, repairs: Iterable[Repair], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._repairs = tuple(repairs)
        self._clock = clock
        self._last: dict[str, float] = {}
        self._known: dict[str, dict[Any, float]] = {}

    def sweep(self) -> None:
        """One round; what cannot be done now, because a part is away, is done later."""
        for repair in self._repairs:
            if self._clock() - self._last.get(repair.name, -math.inf) < repair.every_seconds:
                continue
            try:
                mend_all(repair, self._confirmed(repair))
                self._last[repair.name] = self._clock()
            except (DatabaseError, OSError) as error:
                log.warning("sweep.failed", repair=repair.name, error=type(error).__name__)

    def _confirmed(self, repair: Repair) -> Iterator[Any]:
        """What was found now and, for a repair that waits, was found long enough ago too."""
        if not repair.confirm_seconds:
            yield from repair.find()
            return
        now, before = self._clock(), self._known.get(repair.name, {})
        self._known[repair.name] = {item: before.get(item, now) for item in repair.find()}
        for item, since in self._known[repair.name].items():
            if now - since >= repair.confirm_seconds:
                yield item


def sweep_forever(stop: threading.Event, every_seconds: float = ROUND_SECONDS) -> None:
    """Sweep until told to stop: the queue in a thread of its own, so that it waits for no store.

    What ends one of the two ends both: half a sweeper would look like a whole one.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="sweep-queue") as threads:
        queue = threads.submit(_sweep_until, stop, QUEUE_REPAIRS, every_seconds)
        _sweep_until(stop, STORE_REPAIRS, every_seconds)
    queue.result()


def _sweep_until(stop: threading.Event, repairs: Iterable[Repair], every_seconds: float) -> None:
    rounds = Rounds(repairs)
    try:
        while not stop.is_set():
            rounds.sweep()
            close_old_connections()
            stop.wait(every_seconds)
    finally:
        stop.set()
        connections.close_all()


def sweep_once() -> int:
    """Every repair, due or not; what is old enough goes without being found twice."""
    return sum(mend_all(repair, repair.find()) for repair in REPAIRS)


def plan_sweep() -> Iterator[str]:
    """What `sweep_once` would do, a line each; nothing is changed."""
    for repair in REPAIRS:
        for item in repair.find():
            yield f"{repair.name} {item.name if isinstance(item, Stored) else item}"
