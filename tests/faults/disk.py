"""A store whose system calls are counted, and fail or wait where a test says so."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from filesvc.stores import folder


@dataclass
class Disk:
    """The system calls on the store: which were made, and which of them fails or waits."""

    store: Path
    made: list[str] = field(default_factory=list)
    spoil: Callable[[int, str], None] = lambda number, name: None

    def watch(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
        """Let every call of `owner.name` on the store pass through here."""
        real = getattr(owner, name)

        def watched(subject: Any, *args: Any, **more: Any) -> Any:
            if self._is_in_store(subject):
                self.made.append(name)
                self.spoil(len(self.made), name)
            return real(subject, *args, **more)

        monkeypatch.setattr(owner, name, watched)

    def _is_in_store(self, subject: Any) -> bool:
        with contextlib.suppress(OSError):
            path = (
                Path(f"/proc/self/fd/{subject}").readlink() if isinstance(subject, int) else subject
            )
            return Path(path).is_relative_to(self.store)
        return False

    def fail(self, code: str, at: Callable[[int, str], bool]) -> None:
        """Fail with this errno wherever `at` says so."""

        def spoil(number: int, name: str) -> None:
            if at(number, name):
                raise OSError(getattr(errno, code), os.strerror(getattr(errno, code)))

        self.spoil = spoil

    def heal(self) -> None:
        """All is well again, and nothing is known of any folder."""
        self.spoil = lambda number, name: None
        self.made.clear()
        folder._durable_folders.clear()
