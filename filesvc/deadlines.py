"""How long each layer waits at most; the inner one always gives up first (OWASP ASVS 5.0 15.1.3).

scan < request < server < edge, and a task's parts < the task < the broker: whoever waits inside
must have answered before whoever waits outside gives up, or a client is told of a failure that
did not happen.
"""

from __future__ import annotations

import time

from django.conf import settings

from errors import catalogue
from security.signatures import VERSION_SECONDS

# The outer deadlines follow the one that is set, by so much.
SERVER_MARGIN_SECONDS = 5
EDGE_MARGIN_SECONDS = 35
RETRY_SECONDS = 30

# How long the parts of a task may take that no setting knows.
SANDBOX_START_SECONDS = 30.0
# An answer that has begun must come: half a frame may hold nobody.
FRAME_SECONDS = 5.0
# With its repetitions; an upload may take what is left of its own time instead.
BUCKET_CALL_SECONDS = 15.0
# Hashing, rows, a preview on a disk.
OTHER_SECONDS = 30.0
# Between the exception a task can still put down, and its process's end.
HARD_MARGIN_SECONDS = 30.0
# How long the broker leaves an unfinished task with its worker.
VISIBILITY_SECONDS = 300


def server_seconds() -> int:
    """granian's --workers-kill-timeout: how long a stopping server lets its requests finish."""
    return int(settings.REQUEST_TIMEOUT_SECONDS) + SERVER_MARGIN_SECONDS


def edge_seconds() -> int:
    """nginx's proxy_read_timeout."""
    return int(settings.REQUEST_TIMEOUT_SECONDS) + EDGE_MARGIN_SECONDS


def give_up_at(received_at: float) -> float:
    """When an upload that was received at this moment is given up; both of `time.monotonic`."""
    return received_at + float(settings.REQUEST_TIMEOUT_SECONDS)


def check_in_time(received_at: float) -> None:
    """What took longer than an upload may is given up before it is kept.

    `received_at` is a moment of `time.monotonic`. Raises Overloaded.
    """
    if time.monotonic() > give_up_at(received_at):
        raise catalogue.Overloaded(note="request deadline", retry_after_seconds=RETRY_SECONDS)


def task_parts() -> dict[str, float]:
    """What a task may wait for, one after the other, by what it is called.

    Each has a time-out of its own, but for what is neither a dependency nor a stranger's file.
    """
    parts = {
        "SCAN_TIMEOUT_SECONDS": settings.SCAN_TIMEOUT_SECONDS,
        "PROCESSING_TIMEOUT_SECONDS": settings.PROCESSING_TIMEOUT_SECONDS,
        "the scanner's version": VERSION_SECONDS,
        "the sandbox's start": SANDBOX_START_SECONDS,
        "the sandbox's answer": FRAME_SECONDS,
        "the rest": OTHER_SECONDS,
    }
    if settings.S3_BUCKET:
        parts |= {
            "the copy from S3 (PROCESSING_TIMEOUT_SECONDS)": settings.PROCESSING_TIMEOUT_SECONDS,
            "the preview to S3": BUCKET_CALL_SECONDS,
        }
    return parts


def task_soft_seconds() -> float:
    """When a task is interrupted: none of its parts can take so long that it is."""
    return sum(task_parts().values())


def task_hard_seconds() -> float:
    """When its process is ended, because it did not let itself be interrupted."""
    return task_soft_seconds() + HARD_MARGIN_SECONDS


def deadlines_in_order() -> list[tuple[str, float]]:
    """Each with its name, the innermost first."""
    return [
        ("SCAN_TIMEOUT_SECONDS", settings.SCAN_TIMEOUT_SECONDS),
        ("REQUEST_TIMEOUT_SECONDS", settings.REQUEST_TIMEOUT_SECONDS),
        ("the server's", server_seconds()),
        ("the edge's", edge_seconds()),
    ]
