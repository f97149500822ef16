"""Threads for short work beside a request or a task, which are kept for the next one."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

Answer = TypeVar("Answer")


class KeptThreads:
    """A pool that a forked child begins anew: of its parent's threads it has none.

    One that was inherited would take work and never do it (measured: a child that waited for
    ever).
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    def submit(self, work: Callable[..., Answer], *arguments: Any) -> Future[Answer]:
        """Have it done by a thread of this process."""
        return self._threads.submit(work, *arguments)

    def _begin(self) -> None:
        self._threads = ThreadPoolExecutor(thread_name_prefix=self._name)
