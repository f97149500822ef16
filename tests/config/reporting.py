"""A program that makes requests while Sentry listens, each full of what must not leave.

`python -m tests.config.reporting failures|refusals` prints what happened as JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import sentry_sdk
import structlog

import config.wsgi  # noqa: F401 - first of all: it sets Django up
from tests.client import call, file_part, form
from tests.errors.routes import PLANTED

# Everything a client can plant, in one request.
SENT: dict[str, Any] = {
    "token": PLANTED,
    "headers": {"X-Forwarded-For": PLANTED, "Cookie": PLANTED, "User-Agent": PLANTED},
    "body": form(file_part(PLANTED.encode(), f"{PLANTED}.txt")),
    "CONTENT_TYPE": "multipart/form-data; boundary=filesvc-test-boundary",
}


def fail() -> list[int]:
    """What is our fault: two unforeseen exceptions, one missing database, one crash elsewhere."""
    statuses = [
        call("POST", f"/drf/key/{PLANTED}?q={PLANTED}", **SENT).status,
        call("POST", f"/plain/surrogate/{PLANTED}?q={PLANTED}", **SENT).status,
        call("POST", f"/drf/database-gone/{PLANTED}?q={PLANTED}", **SENT).status,
    ]
    try:
        raise LookupError(PLANTED)
    except LookupError:
        structlog.get_logger("processing").exception("processing.crashed", name=PLANTED)
    return statuses


def be_refused() -> list[int]:
    """What anyone can cause at will, many times over."""
    tries: list[tuple[str, dict[str, Any]]] = [
        ("/drf/http404/", {}),
        ("/drf/suspicious/", {}),
        ("/plain/suspicious/", {}),
        ("/plain/bad-request/", {}),
        ("/drf/unreadable/", {}),
        ("/nowhere", {}),
        ("/drf/key/", {"HTTP_HOST": f"{PLANTED}.example"}),
        ("/drf/key/", {"CONTENT_TYPE": "a/b; x*=bogus'en'%41"}),
        ("/drf/key/?%ff", {"CONTENT_TYPE": "a/b; charset=idna"}),
        ("/drf/key/?" + "a&" * 1001, {"CONTENT_TYPE": "a/b; charset=utf-8"}),
        ("/drf/key/" + "a" * 9000, {}),
    ]
    bad_hosts: list[tuple[str, dict[str, Any]]] = [("/", {"HTTP_HOST": "evil.example"})] * 1000
    asked = tries * 20 + bad_hosts
    return [call("POST", path, **{**SENT, **more}).status for path, more in asked]


def main() -> None:
    """Run one of the two and say what was answered and whether Sentry is on."""
    from django.conf import settings

    settings.ROOT_URLCONF = "tests.errors.routes"
    statuses = {"failures": fail, "refusals": be_refused}[sys.argv[1]]()
    sentry_sdk.flush(5)
    told = {"statuses": statuses, "reporting": sentry_sdk.is_initialized()}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
