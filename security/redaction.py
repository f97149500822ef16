"""Keeps secrets and what clients sent out of reports."""

from __future__ import annotations

from typing import Any

# Sentry's request context: headers carry tokens, the rest carries what a client sent.
_REQUEST_KEEPS = ("method",)
_CONTEXTS_DROPPED = ("extra", "user", "breadcrumbs", "server_name", "modules")
# What one of our log lines says of an error, in the service's own words, by its tag.
_TAGS = {
    "error_code": "code",
    "http_status": "status",
    "stage": "stage",
    "retryable": "retryable",
    "request_id": "request_id",
    "file_id": "file_id",
}


def redact_event(event: Any, hint: Any = None) -> Any:
    """A Sentry event without body, headers, URL, variables, names and addresses."""
    request = event.get("request", {})
    event["request"] = {key: request[key] for key in _REQUEST_KEEPS if key in request}
    for key in _CONTEXTS_DROPPED:
        event.pop(key, None)
    if "logentry" in event:
        _redact_log_line(event, hint or {})
    for exception in event.get("exception", {}).get("values", []):
        # The text of a foreign exception may quote what a client sent; its type never does.
        exception["value"] = ""
        for frame in exception.get("stacktrace", {}).get("frames", []):
            frame.pop("vars", None)
    return event


def _redact_log_line(event: Any, hint: Any) -> None:
    """Our event's name, tags and group; its whole line holds a note and a traceback's text."""
    line = getattr(hint.get("log_record"), "msg", None)
    told = line if isinstance(line, dict) else {}
    event["logentry"] = {"message": str(told.get("event", ""))}
    event["tags"] = {tag: str(told[name]) for tag, name in _TAGS.items() if name in told}
    if "code" in told:
        crashes = [crash.get("type", "") for crash in event.get("exception", {}).get("values", [])]
        event["fingerprint"] = [told["code"], *crashes[-1:]]
