"""Claims as the tests take, lapse and end them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.utils import timezone

from errors import catalogue
from filesvc import claims
from filesvc.claims import Claim
from filesvc.models import File

ENDINGS: dict[str, Callable[[Claim], bool]] = {
    "finish": lambda held: claims.finish(held, {"kind": "text"}, has_preview=False),
    "fail": lambda held: claims.fail(held, catalogue.ProcessingFailed()),
    "renew": claims.renew,
    "release": claims.release,
    "put_off": claims.put_off,
}


def take(file: File) -> Claim:
    held = claims.claim(file.id)
    assert held is not None
    return held


def lapse(file: File) -> None:
    File.objects.filter(id=file.id).update(lease_until=timezone.now() - timedelta(seconds=1))


def row_of(file: File) -> dict[str, Any]:
    return dict(File.objects.filter(id=file.id).values().get())


def is_lapsed(file: File) -> bool:
    return bool(row_of(file)["lease_until"] < timezone.now())
