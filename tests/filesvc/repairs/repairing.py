"""Runs one repair by its name."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from filesvc.models import File
from filesvc.repairs import REPAIRS
from filesvc.repairs.repair import Repair, mend_all

LONG_AGO = timedelta(days=1)


def find_repair(name: str) -> Repair:
    """The row of the table."""
    return next(repair for repair in REPAIRS if repair.name == name)


def run_repair(name: str) -> int:
    """How many were mended."""
    repair = find_repair(name)
    return mend_all(repair, repair.find())


def age(file: File, seconds: float = LONG_AGO.total_seconds()) -> None:
    """Have it wait for that long already."""
    File.objects.filter(id=file.id).update(notified_at=timezone.now() - timedelta(seconds=seconds))
