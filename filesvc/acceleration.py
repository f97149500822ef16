"""Lets nginx send stored files where it is in front of the service (X-Accel-Redirect).

Who may have them is decided before, here and not there. What nginx would answer otherwise than
this service does, this service answers itself: both ways look the same from outside.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from security.client_address import is_trusted_proxy

HEADER = "X-Accel-Redirect"
# nginx keeps preconditions that this service does not know (RFC 9110, 13.1.1 and 13.1.4).
UNKNOWN_CONDITIONS = ("If-Match", "If-Unmodified-Since")
# Longer numbers are too large for nginx, and not for this service.
_SHORT_RANGE = re.compile(r"bytes=[0-9]{0,18}-[0-9]{0,18}", re.ASCII)


def is_edge_in_front(request: HttpRequest) -> bool:
    """True when this very request came through an nginx that reads the store."""
    peer = str(request.META.get("REMOTE_ADDR", ""))
    return bool(settings.ACCEL_LOCATION) and is_trusted_proxy(peer)


def edge_answers_alike(request: HttpRequest, *, has_span: bool) -> bool:
    """True when nginx makes of the request what this service does.

    `has_span` tells that the `Range` counts. One that does not count is ignored here, and may
    be refused there; the answer to HEAD costs nothing either way.
    """
    told = request.headers
    if request.method != "GET" or any(name in told for name in UNKNOWN_CONDITIONS):
        return False
    return "Range" not in told or (has_span and bool(_SHORT_RANGE.fullmatch(told["Range"])))


def leave_to_edge(path: Path) -> HttpResponse:
    """An answer without bytes that tells nginx which ones to send; clients see no path."""
    inside = path.relative_to(settings.STORAGE_ROOT).as_posix()
    return HttpResponse(headers={HEADER: f"{settings.ACCEL_LOCATION}{quote(inside)}"})
