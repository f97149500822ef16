"""nginx's own error answers, written from the catalogue, so that the edge says the same."""

from __future__ import annotations

import json

from errors import catalogue
from errors.base import ServiceError
from errors.problem import build_problem, problem_headers

# Filled in by nginx for each request; everything else is fixed text.
REQUEST_ID = "$request_id"
MAX_URI_BYTES = 8 * 1024
MAX_HEADERS_BYTES = 16 * 1024
# Who gave up, and on whom, the proxy alone knows: docker/nginx.conf.template chooses between these
# pages and the one of 503, for a request that was never sent to the service.
CHOSEN_PAGES = {502: "$page_of_502", 504: "$page_of_504"}


def edge_errors(max_body_bytes: int, max_connections: int) -> dict[int, ServiceError]:
    """What each status of nginx means here; 494 and 497 are its own inventions."""
    return {
        400: catalogue.BadRequest(),
        403: catalogue.PermissionDenied(),
        404: catalogue.NotFound(),
        405: catalogue.MethodNotAllowed(allowed=["DELETE", "GET", "HEAD", "POST"]),
        411: catalogue.LengthRequired(),
        413: catalogue.PayloadTooLarge(max_bytes=max_body_bytes),
        414: catalogue.UriTooLong(max_bytes=MAX_URI_BYTES),
        429: catalogue.ConcurrencyLimited(max_concurrent=max_connections, retry_after_seconds=1),
        494: catalogue.HeadersTooLarge(max_bytes=MAX_HEADERS_BYTES),
        497: catalogue.BadRequest(),
        500: catalogue.InternalError(),
        501: catalogue.NotImplementedByServer(),
        502: catalogue.BadGateway(),
        503: catalogue.ServiceUnavailable(failing=["service"]),
        504: catalogue.GatewayTimeout(),
        505: catalogue.HttpVersionUnsupported(),
    }


def render_error_pages(max_body_bytes: int, max_connections: int) -> str:
    """The lines to include in a `server` block.

    Plain locations: a named one fails for 414 and for bad request lines (measured).
    """
    lines = ["# Written by `manage.py print_nginx_errors`; do not edit."]
    for status, error in edge_errors(max_body_bytes, max_connections).items():
        lines.append(_render_choice(status, error))
    for status, error in edge_errors(max_body_bytes, max_connections).items():
        lines += _render_location(status, error)
    return "\n".join(lines) + "\n"


def _render_choice(status: int, error: ServiceError) -> str:
    if status in CHOSEN_PAGES:
        return f"error_page {status} = /__problem/{CHOSEN_PAGES[status]};"
    target = f"={error.status} " if status != error.status else ""
    return f"error_page {status} {target}/__problem/{status};"


def _render_location(status: int, error: ServiceError) -> list[str]:
    body = json.dumps(build_problem(error, REQUEST_ID), separators=(",", ":"))
    headers = problem_headers(error, REQUEST_ID)
    content_type = headers.pop("Content-Type")
    headers.pop("Connection", None)  # nginx writes this one itself
    return [
        f"location = /__problem/{status} {{",
        "    internal;",
        f"    default_type {content_type};",
        *(f"    add_header {name} '{_quote(value)}' always;" for name, value in headers.items()),
        f"    return {error.status} '{_quote(body)}';",
        "}",
    ]


def _quote(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")
