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


# Of a span: its place in time and in the trace. Of its text: words of our own.
_SPAN_KEEPS = (
    "trace_id",
    "span_id",
    "parent_span_id",
    "op",
    "status",
    "start_timestamp",
    "timestamp",
)
_OWN_WORDS = ("gate", "processing", "middleware.django", "queue.submit.celery", "queue.process")


def redact_transaction(event: Any, hint: Any = None) -> Any:
    """A trace in our own words: names of gates and routes, the verb of a query, times and ids."""
    _redact_surroundings(event)
    event["spans"] = [_redact_span(span) for span in event.get("spans", [])]
    return event


def _redact_span(span: Any) -> dict[str, Any]:
    kept = {key: span[key] for key in _SPAN_KEEPS if key in span}
    words = str(span.get("description") or "").split()
    if span.get("op") in _OWN_WORDS:
        kept["description"] = " ".join(words)
    elif span.get("op") == "db":
        kept["description"] = words[0] if words else ""
    return kept


def _redact_surroundings(event: Any) -> None:
    """What every kind of event carries along."""
    request = event.get("request", {})
    event["request"] = {key: request[key] for key in _REQUEST_KEEPS if key in request}
    for key in _CONTEXTS_DROPPED:
        event.pop(key, None)
    trace = event.get("contexts", {}).get("trace")
    if trace is not None:
        event["contexts"]["trace"] = {key: trace[key] for key in _SPAN_KEEPS if key in trace}
    # Named by its path, where no route was found, which is what the client typed.
    if event.get("transaction_info", {}).get("source") == "url":
        event["transaction"] = "no route"


def redact_event(event: Any, hint: Any = None) -> Any:
    """A Sentry event without body, headers, URL, variables, names and addresses."""
    _redact_surroundings(event)
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
