"""The one JSON body of every error, and the headers that go with it (RFC 9457)."""

from __future__ import annotations

import json
from typing import Any

from errors.base import Fault, ServiceError

CONTENT_TYPE = "application/problem+json"
MAX_FAULTS = 20

# Sent with every error from every layer, whatever else the layer adds.
FIXED_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Language": "en",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


def build_problem(error: ServiceError, request_id: str) -> dict[str, Any]:
    """The Problem document, with all its keys always present."""
    return {
        "type": f"/problems/{error.code}",
        "title": error.title,
        "status": error.status,
        "code": error.code,
        "detail": error.sentence,
        "request_id": request_id,
        "retryable": error.retryable,
        "retry_after": error.retry_after_seconds,
        "errors": [_describe(fault) for fault in error.faults[:MAX_FAULTS]],
        "meta": error.meta,
    }


def encode_problem(error: ServiceError, request_id: str) -> bytes:
    """ASCII JSON: a lone surrogate or an odd charset can never break it."""
    problem = build_problem(error, request_id)
    return json.dumps(problem, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def problem_headers(error: ServiceError, request_id: str) -> dict[str, str]:
    """Every header of an error answer but its length."""
    headers = {
        "Content-Type": CONTENT_TYPE,
        "X-Request-ID": request_id,
        "X-Error-Code": error.code,
        **FIXED_HEADERS,
        **error.headers,
    }
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    return headers


def _describe(fault: Fault) -> dict[str, str]:
    return {
        "code": fault.code,
        "detail": fault.detail,
        "in": fault.place,
        "name": fault.name,
    }
