"""Turns the exceptions of Django, DRF and friends into ours, by one table.

The most specific class wins; what the table does not know is an internal error.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core import exceptions as django
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import Http404, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from rest_framework import exceptions as drf

from errors import catalogue
from errors.base import Place, ServiceError

SUPPORTED_MEDIA_TYPES = ["application/json", "application/problem+json"]
_FIELD_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
Translator = Callable[[Any], ServiceError]


def _validation_failed(error: drf.ValidationError) -> ServiceError:
    """Names of our own fields only; a client's text never comes back."""
    names = error.detail if isinstance(error.detail, dict) else [""]
    places: list[tuple[Place, str]] = [
        ("body", str(name) if _FIELD_NAME.fullmatch(str(name)) else "") for name in names
    ]
    return catalogue.ValidationFailed(places=tuple(places or [("body", "")]))


def _throttled(error: drf.Throttled) -> ServiceError:
    """DRF knows no wait for some of these, and may round one down to nothing."""
    wait_seconds = max(1, math.ceil(getattr(error, "wait", None) or 0))
    return catalogue.RateLimited(violated_policies=[], retry_after_seconds=wait_seconds)


def _missing(error: Exception) -> ServiceError:
    return catalogue.NotFound()


def _database_unavailable(error: Exception) -> ServiceError:
    """The driver's own class tells more than Django's; its text may quote values."""
    return catalogue.DatabaseUnavailable(note=type(error.__cause__ or error).__name__)


def _database_error(error: Exception) -> ServiceError:
    """Bare, it is the driver's word for an answer that is none (measured); its heirs are ours."""
    if type(error) is DatabaseError:
        return _database_unavailable(error)
    return catalogue.InternalError(note=type(error).__name__)


TABLE: dict[type[Exception], Translator] = {
    Http404: _missing,
    drf.NotFound: _missing,
    drf.NotAuthenticated: lambda error: catalogue.AuthenticationRequired(),
    drf.AuthenticationFailed: lambda error: catalogue.InvalidToken(),
    drf.PermissionDenied: lambda error: catalogue.PermissionDenied(),
    django.PermissionDenied: lambda error: catalogue.PermissionDenied(),
    drf.Throttled: _throttled,
    drf.MethodNotAllowed: lambda error: catalogue.MethodNotAllowed(allowed=[]),
    drf.NotAcceptable: lambda error: catalogue.NotAcceptable(supported=SUPPORTED_MEDIA_TYPES),
    drf.UnsupportedMediaType: lambda error: catalogue.UnsupportedMediaType(
        accepted=["multipart/form-data"]
    ),
    drf.ParseError: lambda error: catalogue.MalformedMultipart(),
    MultiPartParserError: lambda error: catalogue.MalformedMultipart(),
    drf.ValidationError: _validation_failed,
    UnreadablePostError: lambda error: catalogue.IncompleteBody(),
    django.RequestDataTooBig: lambda error: catalogue.PayloadTooLarge(
        max_bytes=settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    ),
    django.DisallowedHost: lambda error: catalogue.InvalidHost(),
    django.SuspiciousOperation: lambda error: catalogue.SuspiciousRequest(),
    django.BadRequest: lambda error: catalogue.SuspiciousRequest(),
    OperationalError: _database_unavailable,
    InterfaceError: _database_unavailable,
    DatabaseError: _database_error,
}


def translate(error: Exception) -> ServiceError:
    """Our error for theirs; an unknown one becomes `internal_error`."""
    if isinstance(error, ServiceError):
        return error
    for ancestor in type(error).__mro__:
        if ancestor in TABLE:
            return TABLE[ancestor](error)
    return catalogue.InternalError(note=type(error).__name__)
