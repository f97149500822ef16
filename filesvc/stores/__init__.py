"""Where kept bytes lie: in a folder of this machine, or in a bucket of an S3 store."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from django.conf import settings

from filesvc.models import File
from filesvc.stores.folder import Folder
from filesvc.stores.places import Readable, Stored
from security.upload import StagedUpload


class Store(Protocol):
    """What both kinds of store do; a failure is an OSError, and FileNotFoundError means gone.

    A place is where something lies in its own store: made of an id alone, or listed.
    """

    def prepare(self) -> None:
        """Make it ready to be used."""

    def place_of(self, kind: str, file_id: uuid.UUID, ending: str = "") -> str:
        """A fixed layout of the id and the ending; nothing a client sent is part of it."""

    def begin_to_take(self, staged: StagedUpload) -> None:
        """May begin what `take` would wait for, beside the scan; nothing is promised by it."""

    def take(self, staged: StagedUpload, place: str, give_up_at: float) -> None:
        """Keep the staged bytes for good, before a moment of `time.monotonic`; never overwrites."""

    def put(self, place: str, content: bytes) -> None:
        """Keep these few bytes for good; what lay there goes."""

    def open(self, place: str, size_bytes: int) -> BinaryIO:
        """The bytes as an open file; of more than there should be, at least one too many."""

    def open_span(self, place: str, first: int, length_bytes: int) -> tuple[Readable, int]:
        """The bytes from `first` on, and how many there are in all."""

    def delete(self, place: str) -> None:
        """Remove it; removing it twice is no error."""

    def remove(self, stored: Stored) -> bool:
        """Remove what was listed; False when somebody else is known to have been faster."""

    def places_of(self, kind: str, file_id: uuid.UUID) -> list[str]:
        """Everything of that id, with its endings."""

    def list(self, kind: str) -> Iterator[Stored]:
        """Everything of that kind."""

    def list_unfinished(self) -> Iterator[Stored]:
        """What was begun in the store itself and never became anything."""

    def find_lacking(self, files: Iterable[File]) -> Iterator[File]:
        """Of files in the order of their ids, those whose bytes are not here or not as many."""

    def probe(self) -> None:
        """Write something, as an upload would."""


def current_store() -> Store:
    """The store of the settings."""
    if settings.S3_BUCKET:
        from filesvc.stores.bucket import open_bucket  # boto3 takes its time to load

        return open_bucket()
    return Folder(Path(settings.STORAGE_ROOT))
