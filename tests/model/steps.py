"""Counts the steps of an upload - each call of the disk, each statement, each commit - and
does something to the n-th."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

DISK = [
    *((os, name) for name in ("open", "write", "fsync", "lseek", "pread", "close", "statvfs")),
    *((Path, name) for name in ("mkdir", "open", "rename", "unlink")),
]
# Called with its name before or after the step itself; raises, or ends the process.
Fate = Callable[[str], None]


class Steps:
    """Which steps there were; `fates` has what happens at which, before it or after it."""

    def __init__(self, fates: dict[tuple[int, str], Fate] | None = None) -> None:
        self.taken: list[str] = []
        self._fates = fates or {}

    def take(self, name: str, do: Callable[[], Any]) -> Any:
        """One step, with what is to happen around it."""
        number = len(self.taken)
        self.taken.append(name)
        self._fates.get((number, "before"), _let_be)(name)
        done = do()
        self._fates.get((number, "after"), _let_be)(name)
        return done


@contextlib.contextmanager
def counted(steps: Steps, storage: Path) -> Iterator[Steps]:
    """Every step of this thread counts, of the disk only those that concern the store."""

    def watch(owner: Any, name: str) -> Any:
        real = getattr(owner, name)

        def step(*args: Any, **kwargs: Any) -> Any:
            if not _concerns(storage, args):
                return real(*args, **kwargs)
            return steps.take(name, lambda: real(*args, **kwargs))

        return mock.patch.object(owner, name, step)

    def execute(run: Any, sql: str, *rest: Any) -> Any:
        return steps.take(sql.split()[0].lower(), lambda: run(sql, *rest))

    def commit(wrapper: BaseDatabaseWrapper) -> Any:
        return steps.take("commit", lambda: real_commit(wrapper))

    real_commit: Any = vars(BaseDatabaseWrapper)["_commit"]
    with contextlib.ExitStack() as patches:
        for owner, name in DISK:
            patches.enter_context(watch(owner, name))
        patches.enter_context(connection.execute_wrapper(execute))
        patches.enter_context(mock.patch.object(BaseDatabaseWrapper, "_commit", commit))
        yield steps


def _let_be(name: str) -> None:
    """Nothing happens."""


def _concerns(storage: Path, args: tuple[Any, ...]) -> bool:
    """A path in the store, or a descriptor of a file there."""
    if not args:
        return False
    if isinstance(args[0], int):
        with contextlib.suppress(OSError):
            return str(storage) in Path(f"/proc/self/fd/{args[0]}").readlink().as_posix()
        return False
    return str(args[0]).startswith(str(storage))
