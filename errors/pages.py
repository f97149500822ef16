"""What each error means, as HTML for a person and as JSON for a program."""

from __future__ import annotations

import base64
import hashlib
import json
from html import escape
from typing import Any

from errors.base import ServiceError
from errors.catalogue import CATALOGUE, ProcessingError
from errors.problem import build_problem

# A value of each kind a public detail may have, for the example bodies.
_EXAMPLES: dict[str, Any] = {
    "int": 1,
    "str": "text",
    "list[str]": ["text"],
}
_NAMED_EXAMPLES: dict[str, Any] = {
    "max_bytes": 26214400,
    "max_length": 255,
    "window_seconds": 86400,
    "limit": 1000,
    "required_scope": "upload",
    "state": "queued",
    "failing": ["scanner"],
    "allowed": ["GET", "HEAD"],
    "accepted": ["multipart/form-data"],
    "supported": ["application/json"],
    "violated_policies": ["upload"],
}
EXAMPLE_REQUEST_ID = "8c28ee281b9b5d83a0c51e93870ec632"
STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}table{border-collapse:collapse;width:100%}
td,th{text-align:left;padding:.35rem .75rem .35rem 0;border-bottom:1px solid #ddd}
td{vertical-align:top}
code,pre{font:14px/1.45 ui-monospace,monospace;background:#f4f4f4;border-radius:4px}
code{padding:.1rem .3rem}pre{padding:1rem;overflow:auto}a{color:#0b57d0}
h2{margin-top:2rem}h2 code{font-size:1.2rem}
"""
# The pages have one style sheet of ours, no script, no picture, nothing from elsewhere.
CONTENT_POLICY = (
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; "
    f"style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
)


def summarise(error: type[ServiceError]) -> dict[str, Any]:
    """One row of the list of errors."""
    return {
        "code": error.code,
        "status": error.status,
        "title": error.title,
        "retryable": error.retryable,
        "meta": list(error.meta_names()),
    }


def summarise_all() -> list[dict[str, Any]]:
    """Every error, by code."""
    return [summarise(CATALOGUE[code]) for code in sorted(CATALOGUE)]


def explain(error: type[ServiceError]) -> dict[str, Any]:
    """One error in full: its meaning, what the client should do, and an example."""
    return {
        **summarise(error),
        "meaning": example(error).sentence,
        "advice": error.advice,
        "where": "File" if issubclass(error, ProcessingError) else "response",
        "example": example_body(error),
    }


def example(error: type[ServiceError]) -> ServiceError:
    """An instance with made-up details."""
    types = error.meta_types()
    details = {name: _NAMED_EXAMPLES.get(name, _EXAMPLES[types[name]]) for name in types}
    made = error(**details)
    if error.retryable and not issubclass(error, ProcessingError):
        made.retry_after_seconds = made.retry_after_seconds or 5
    return made


def example_body(error: type[ServiceError]) -> dict[str, Any]:
    """The example as it would be sent; inside a File, without its HTTP parts."""
    body = build_problem(example(error), EXAMPLE_REQUEST_ID)
    if issubclass(error, ProcessingError):
        for name in ("status", "retry_after", "request_id"):
            del body[name]
        body |= {
            "occurred_at": "2026-01-31T12:00:00Z",
            "origin_request_id": EXAMPLE_REQUEST_ID,
        }
    return body


def render_list() -> str:
    """The page of all errors."""
    rows = "".join(
        f"<tr><td>{error.status}</td>"
        f'<td><a href="/problems/{error.code}"><code>{error.code}</code></a></td>'
        f"<td>{escape(error.title)}</td><td>{'yes' if error.retryable else 'no'}</td></tr>"
        for error in sorted(CATALOGUE.values(), key=lambda error: (error.status, error.code))
    )
    return render_page(
        "Errors",
        "<p>Every answer of 400 and above is one JSON document. Branch on <code>code</code>, "
        "then on <code>retryable</code>. Status 200 marks failures of processing, which are "
        "told inside the File.</p><table><tr><th>Status</th><th>Code</th><th>Title</th>"
        f"<th>Retry</th></tr>{rows}</table>",
    )


def render_one(error: type[ServiceError]) -> str:
    """The page of one error."""
    told = explain(error)
    retry = (
        "Yes: the same request can succeed later."
        if error.retryable
        else "No: the same request will fail again."
    )
    where = (
        "in the <code>failure</code> of a File"
        if told["where"] == "File"
        else f"with status {error.status}"
    )
    return render_page(
        error.title,
        f"<p><code>{error.code}</code>, answered {where}.</p>"
        f"<h2>What it means</h2><p>{escape(told['meaning'])}</p>"
        f"<h2>What to do</h2><p>{escape(error.advice)}</p>"
        f"<h2>Retry?</h2><p>{retry}</p>"
        f"<h2>Example</h2><pre>{escape(json.dumps(told['example'], indent=2))}</pre>"
        '<p><a href="/problems/">All errors</a></p>',
    )


def render_page(title: str, body: str) -> str:
    """One HTML page in our style; `body` is HTML of our own making."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)} - filesvc</title><style>{STYLE}</style></head>"
        f"<body><h1>{escape(title)}</h1>{body}</body></html>"
    )
