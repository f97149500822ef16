"""The worker's application, whose files are described by a program that does what they say.

Run as `celery -A tests.faults.odd_worker worker`.
"""

from __future__ import annotations

from typing import Any

from celery.signals import worker_process_init

from config.celery import app

__all__ = ["app"]


@worker_process_init.connect
def describe_oddly(**kwargs: Any) -> None:
    """In each process of the pool, before its first file."""
    from filesvc import sandbox

    sandbox.PROGRAM = "tests.filesvc.odd_program"
