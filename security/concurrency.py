"""How many clients one process waits for at a time; a few threads always stay free.

The server has no time-out for a body, sent or received: 16 stalled uploads, or 40 unread
downloads, once held every thread, health included (measured). A download ends all the same
(filesvc.downloads, config.unread).
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections import Counter
from collections.abc import Iterator

from django.conf import settings

from errors import catalogue


class ClientSlots:
    """A counted room for whatever waits on a client: an upload, a download, a drain."""

    def __init__(self, slots: int) -> None:
        self._free = threading.BoundedSemaphore(slots)

    def try_take(self) -> bool:
        """Take one slot if there is one; whoever has it must `release` it."""
        return self._free.acquire(blocking=False)

    def release(self) -> None:
        """Give one slot back."""
        self._free.release()

    def take_or_refuse(self) -> None:
        """Take one slot.

        Raises Overloaded at once when none is free, with a jittered Retry-After.
        """
        if not self.try_take():
            raise catalogue.Overloaded(retry_after_seconds=1 + secrets.randbelow(4))

    @contextlib.contextmanager
    def take(self) -> Iterator[None]:
        """Hold one slot, or raise Overloaded."""
        self.take_or_refuse()
        try:
            yield
        finally:
            self.release()


class OwnerSlots:
    """How many uploads of one owner this process has under way."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: Counter[int] = Counter()

    @contextlib.contextmanager
    def take(self, owner_id: int) -> Iterator[None]:
        """Hold one of the owner's slots.

        Raises ConcurrencyLimited at once when all are taken, with a jittered Retry-After.
        """
        with self._lock:
            if self._held[owner_id] >= settings.MAX_INFLIGHT_UPLOADS:
                raise catalogue.ConcurrencyLimited(
                    max_concurrent=settings.MAX_INFLIGHT_UPLOADS,
                    retry_after_seconds=1 + secrets.randbelow(4),
                )
            self._held[owner_id] += 1
        try:
            yield
        finally:
            with self._lock:
                self._held[owner_id] -= 1
                if not self._held[owner_id]:
                    del self._held[owner_id]


owner_slots = OwnerSlots()
client_slots = ClientSlots(settings.MAX_WAITING_CLIENTS)
# Taken by the guard for each request that has a body, before anything is asked about it.
entrance_slots = ClientSlots(settings.MAX_WAITING_CLIENTS)
