"""What lies in a store: under which names, and how it is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

FILES = "files"
PREVIEWS = "previews"


@dataclass(frozen=True)
class Stored:
    """One thing in a store: its place there, its size, and when it got that place (epoch).

    With an `upload_id` it is what has arrived of an upload in parts.
    """

    place: str
    size_bytes: int = field(compare=False)
    named_at: float
    upload_id: str = ""

    @property
    def name(self) -> str:
        """The last part of its place."""
        return self.place.rpartition("/")[2]


class Readable(Protocol):
    """What kept bytes are read from, front to back."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""

    def close(self) -> None:
        """Let go of them."""

    def __enter__(self) -> Any:
        """Itself."""

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        """Let go of them."""
