"""One id for each request, from the edge through log, task and error body."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

import sentry_sdk
import structlog
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from errors.base import ServiceError
from security.client_address import client_address, is_trusted_proxy

_FORM = re.compile(r"[0-9a-f]{32}")


def choose_request_id(environ: dict[str, Any]) -> str:
    """The edge's id when a trusted proxy sends one, else a new one; a client's never."""
    sent = environ.get("HTTP_X_REQUEST_ID", "")
    if _FORM.fullmatch(sent) and is_trusted_proxy(environ.get("REMOTE_ADDR", "")):
        return str(sent)
    return uuid.uuid4().hex


def _client(request: HttpRequest) -> str:
    """The caller's address for the log; what a proxy garbled is told by the gate that needs it."""
    try:
        return client_address(request.META)
    except ServiceError:
        return "malformed"


class BindRequestId:
    """Middleware: the id stands in every log line and report of the request and in its answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request_id = request.META.setdefault("filesvc.request_id", uuid.uuid4().hex)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id, client=_client(request))
        sentry_sdk.set_tag("request_id", request_id)
        response = self.get_response(request)
        response.headers["X-Request-ID"] = request_id
        return response
