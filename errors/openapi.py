"""Errors in the OpenAPI document: which codes an operation may answer, read from the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from drf_spectacular.utils import OpenApiResponse, extend_schema

from errors.base import ServiceError
from errors.catalogue import (
    AuthenticationRequired,
    DatabaseUnavailable,
    HeadersTooLarge,
    InsufficientScope,
    InternalError,
    InvalidHost,
    InvalidToken,
    MalformedHeader,
    MethodNotAllowed,
    NotAcceptable,
    RateLimited,
    SuspiciousRequest,
    TokenExpired,
    UriTooLong,
)
from errors.problem import CONTENT_TYPE, MAX_FAULTS

View = TypeVar("View", bound=Callable[..., Any])

# Before any view runs, and from any of them.
EVERYWHERE: tuple[type[ServiceError], ...] = (
    MalformedHeader,
    InvalidHost,
    SuspiciousRequest,
    MethodNotAllowed,
    NotAcceptable,
    UriTooLong,
    HeadersTooLarge,
    InternalError,
)
# Wherever a token is asked for.
WITH_TOKEN: tuple[type[ServiceError], ...] = (
    AuthenticationRequired,
    InvalidToken,
    TokenExpired,
    InsufficientScope,
    RateLimited,
    DatabaseUnavailable,
)

_CODE = r"^[a-z][a-z0-9_]{2,47}$"
_FAULT: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["code", "detail", "in", "name"],
    "properties": {
        "code": {"type": "string", "pattern": _CODE},
        "detail": {"type": "string", "minLength": 1, "maxLength": 300},
        "in": {"type": "string", "enum": ["part", "body", "query", "path", "header"]},
        "name": {"type": "string", "maxLength": 64, "pattern": r"^[A-Za-z0-9_./\[\]-]*$"},
    },
}


def problem_schema(errors: Iterable[type[ServiceError]]) -> dict[str, Any]:
    """The JSON Schema of a Problem that is one of `errors`, all of one status."""
    listed = sorted(errors, key=lambda error: error.code)
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [
            *("type", "title", "status", "code", "detail", "request_id"),
            *("retryable", "retry_after", "errors", "meta"),
        ],
        "properties": {
            "type": {"type": "string", "enum": [f"/problems/{error.code}" for error in listed]},
            "title": {"type": "string", "enum": sorted({error.title for error in listed})},
            "status": {"type": "integer", "enum": sorted({error.status for error in listed})},
            "code": {"type": "string", "enum": [error.code for error in listed]},
            "detail": {"type": "string", "minLength": 1, "maxLength": 300},
            "request_id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
            "retryable": {"type": "boolean"},
            "retry_after": {"type": ["integer", "null"], "minimum": 1, "maximum": 86400},
            "errors": {"type": "array", "maxItems": MAX_FAULTS, "items": _FAULT},
            "meta": {"type": "object"},
        },
    }


def problem_responses(
    errors: Iterable[type[ServiceError]],
) -> dict[tuple[int, str], OpenApiResponse]:
    """The error answers of one operation: one entry per status, its codes listed."""
    by_status: dict[int, set[type[ServiceError]]] = {}
    for error in errors:
        by_status.setdefault(error.status, set()).add(error)
    return {
        (status, CONTENT_TYPE): OpenApiResponse(
            response=problem_schema(listed), description=_describe(listed)
        )
        for status, listed in sorted(by_status.items())
    }


def describes(
    *,
    answers: dict[Any, Any],
    errors: Iterable[type[ServiceError]] = (),
    needs_token: bool = True,
    **more: Any,
) -> Callable[[View], View]:
    """Documents an operation: its answers, and every error it can end in."""
    everywhere = (*EVERYWHERE, *WITH_TOKEN) if needs_token else EVERYWHERE
    # Said outright: a view's renderers also take `Accept: application/problem+json`.
    told = {
        (key, "application/json") if isinstance(key, int) and answer else key: answer
        for key, answer in answers.items()
    }
    responses = told | problem_responses((*errors, *everywhere))
    return extend_schema(responses=responses, **more)


def _describe(errors: Iterable[type[ServiceError]]) -> str:
    lines = [f"`{error.code}`: {error.title}" for error in sorted(errors, key=lambda e: e.code)]
    return "; ".join(lines)
