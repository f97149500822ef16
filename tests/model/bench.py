"""The real service in this process, and the hands to move its clock and look at its store."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db.models import DateTimeField, ExpressionWrapper, F

from filesvc.models import File, IdempotencyKey
from filesvc.stores.places import FILES, Stored
from tests.client import BOUNDARY, Answer, call, file_part, form
from tests.conftest import kept_files


class Bench:
    """The real thing, and the hands to move its clock."""

    def __init__(self, token: str, storage: Path) -> None:
        self.token, self.storage = token, storage
        self.later_seconds = 0.0
        self._born: dict[Path, float] = {}

    def age_of(self, stored: Stored) -> float:
        """What whoever asks for the age of a file is told, in seconds."""
        path = self.storage / stored.place
        ago = self.later_seconds - self._born.get(path, self.later_seconds)
        return time.time() - stored.named_at + ago

    def clean(self) -> None:
        self.later_seconds = 0.0
        self._born.clear()
        File.objects.all().delete()
        IdempotencyKey.objects.all().delete()
        for path in kept_files(self.storage):
            path.unlink()
        # Else each look at the store would soon go through 256 empty folders, at every step.
        for folder in (self.storage / FILES).iterdir():
            folder.rmdir()

    def upload(self, content: bytes, key: str | None, *, is_whole: bool = True) -> Answer:
        body = form(file_part(content))
        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        if key:
            headers["Idempotency-Key"] = key
        sent = body if is_whole else body[:-20]
        return call("POST", "/upload/", token=self.token, headers=headers, body=sent)

    def blobs(self) -> list[Path]:
        return [path for path in (self.storage / FILES).rglob("*") if path.is_file()]

    def advance(self, seconds: float) -> None:
        """Everything that was noted or stored is older by that much."""
        for path in kept_files(self.storage):
            self._born.setdefault(path, self.later_seconds)
        self.later_seconds += seconds
        for rows, fields in (
            (File.objects, ("lease_until", "notified_at")),
            (IdempotencyKey.objects, ("lease_until", "expires_at")),
        ):
            rows.update(**{name: before(name, seconds) for name in fields})


def before(name: str, seconds: float) -> ExpressionWrapper[Any]:
    return ExpressionWrapper(F(name) - timedelta(seconds=seconds), output_field=DateTimeField())
