"""How long each layer waits at most; the inner one always gives up first (OWASP ASVS 5.0 15.1.3).

scan < request < server < edge: whoever waits inside must have answered before whoever waits
outside gives up, or a client is told of a failure that did not happen.
"""

from __future__ import annotations

import time

from django.conf import settings

from errors import catalogue

# The outer deadlines follow the one that is set, by so much.
SERVER_MARGIN_SECONDS = 5
EDGE_MARGIN_SECONDS = 35
RETRY_SECONDS = 30


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


def deadlines_in_order() -> list[tuple[str, float]]:
    """Each with its name, the innermost first."""
    return [
        ("SCAN_TIMEOUT_SECONDS", settings.SCAN_TIMEOUT_SECONDS),
        ("REQUEST_TIMEOUT_SECONDS", settings.REQUEST_TIMEOUT_SECONDS),
        ("the server's", server_seconds()),
        ("the edge's", edge_seconds()),
    ]
