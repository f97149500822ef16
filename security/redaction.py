"""Keeps secrets and what clients sent out of reports."""

from __future__ import annotations

from typing import Any

# Sentry's request context: headers carry tokens, the rest carries what a client sent.
_REQUEST_KEEPS = ("method",)
_CONTEXTS_DROPPED = ("extra", "user", "breadcrumbs", "server_name", "modules")


def redact_event(event: Any, hint: Any = None) -> Any:
    """A Sentry event without body, headers, URL, variables, names and addresses."""
    request = event.get("request", {})
    event["request"] = {key: request[key] for key in _REQUEST_KEEPS if key in request}
    for key in _CONTEXTS_DROPPED:
        event.pop(key, None)
    for exception in event.get("exception", {}).get("values", []):
        # The text of a foreign exception may quote what a client sent; its type never does.
        exception["value"] = ""
        for frame in exception.get("stacktrace", {}).get("frames", []):
            frame.pop("vars", None)
    return event
