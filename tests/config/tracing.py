"""A program that uploads one file and asks for other pages, each call full of what must not leave.

`python -m tests.config.tracing TOKEN` prints the answers' request ids and the file's id as JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import sentry_sdk

import config.wsgi  # noqa: F401 - first of all: it sets Django up
from tests.client import call, upload
from tests.errors.routes import PLANTED

FOREIGN_TRACE = "f" * 32
# A stranger who wants every one of his requests traced, under his words.
SENT: dict[str, Any] = {
    "HTTP_SENTRY_TRACE": f"{FOREIGN_TRACE}-{'e' * 16}-1",
    "HTTP_BAGGAGE": f"sentry-transaction={PLANTED},sentry-trace_id={FOREIGN_TRACE},x={PLANTED}",
    "HTTP_USER_AGENT": PLANTED,
    "HTTP_COOKIE": PLANTED,
}


def main() -> None:
    """Make the calls, and wait until what is to be told is told."""
    token = sys.argv[1]
    accepted = upload(token, PLANTED.encode(), f"{PLANTED}.txt", **SENT)
    answers = {
        "upload": accepted,
        "list": call("GET", f"/files/?uploaded_after={PLANTED}", token=token, **SENT),
        "nowhere": call("GET", f"/{PLANTED}?{PLANTED}", **SENT),
        "live": call("GET", "/health/live", **SENT),
        "metrics": call("GET", "/metrics", **SENT),
    }
    sentry_sdk.flush(5)
    told = {name: answer.headers["x-request-id"] for name, answer in answers.items()}
    sys.stdout.write(json.dumps({"ids": told, "file": accepted.json["id"]}))


if __name__ == "__main__":
    main()
