"""Answers every error of Django and DRF with the Problem, logs it once, and tells Sentry."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import structlog
from django.core.signals import got_request_exception
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework import exceptions as drf
from rest_framework.views import set_rollback

from errors import catalogue
from errors.base import ServiceError
from errors.counting import count_error
from errors.problem import CONTENT_TYPE, encode_problem, problem_headers
from errors.translation import translate

log = structlog.get_logger("errors")


class ProblemResponse(HttpResponse):
    """An error as it leaves: rendered here, so that no renderer can fail later."""

    def __init__(self, error: ServiceError, request_id: str) -> None:
        super().__init__(encode_problem(error, request_id), status=error.status)
        for name, value in problem_headers(error, request_id).items():
            self.headers[name] = value


def handle_exception(exception: Exception, context: dict[str, Any]) -> HttpResponse:
    """DRF's `EXCEPTION_HANDLER`: whatever a view raised becomes a Problem."""
    set_rollback()
    request = context["request"]
    error = translate(exception)
    if isinstance(exception, drf.MethodNotAllowed):
        error = catalogue.MethodNotAllowed(allowed=sorted(context["view"].allowed_methods))
    return answer(getattr(request, "_request", request), error, cause=exception)


def answer(
    request: HttpRequest, error: ServiceError, *, cause: BaseException | None = None
) -> HttpResponse:
    """Log `error`, report it when it is unforeseen, and make its answer."""
    request_id = request_id_of(request)
    log_error(error, request_id=request_id, cause=cause, duration_ms=_duration_ms(request))
    if isinstance(error, catalogue.InternalError):
        # Sentry and Django's own reporting listen to this signal; DRF never sends it.
        got_request_exception.send(sender=None, request=request)
    return ProblemResponse(error, request_id_of(request))


def log_error(
    error: ServiceError,
    *,
    request_id: str,
    cause: BaseException | None,
    duration_ms: int | None,
) -> None:
    """Count it, and write one line; only an unforeseen one carries its traceback."""
    count_error(error)
    unforeseen = isinstance(error, catalogue.InternalError)
    write = log.error if error.is_reported() else log.info
    write(
        "request.failed" if error.status >= 500 else "request.refused",
        request_id=request_id,
        code=error.code,
        status=error.status,
        stage=error.stage,
        retryable=error.retryable,
        note=error.note,
        duration_ms=duration_ms,
        exc_info=cause if unforeseen else None,
    )


def request_id_of(request: HttpRequest) -> str:
    """The id the WSGI guard gave to this request (32 hex digits)."""
    return str(request.META.get("filesvc.request_id", "0" * 32))


def _duration_ms(request: HttpRequest) -> int | None:
    started = request.META.get("filesvc.started")
    return None if started is None else round((time.monotonic() - started) * 1000)


# --- Django's own last words (config.urls names these) ------------------------


def handle_400(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Never touches Host, session, templates or database: any of them may be what failed."""
    return answer(request, translate(exception), cause=exception)


def handle_403(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Outside a DRF view nothing of ours raises this; the answer is still a Problem."""
    return answer(request, translate(exception), cause=exception)


def handle_404(request: HttpRequest, exception: Exception) -> HttpResponse:
    """No such route."""
    return answer(request, catalogue.NotFound())


def handle_500(request: HttpRequest) -> HttpResponse:
    """An exception outside a DRF view; Django has already sent its own signal for it."""
    cause = sys.exception()
    error = translate(cause) if isinstance(cause, Exception) else catalogue.InternalError()
    request_id = request_id_of(request)
    log_error(error, request_id=request_id, cause=cause, duration_ms=_duration_ms(request))
    return ProblemResponse(error, request_id)


class OnlyProblems:
    """Outermost middleware: an error answer that is not a Problem is replaced by one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code < 400 or response.headers.get("Content-Type") == CONTENT_TYPE:
            return response
        return answer(request, STRAY.get(response.status_code, catalogue.InternalError)())


# What a third-party answer of that status means here.
STRAY: dict[int, Callable[[], ServiceError]] = {
    400: catalogue.SuspiciousRequest,
    401: catalogue.AuthenticationRequired,
    403: catalogue.PermissionDenied,
    404: catalogue.NotFound,
    503: lambda: catalogue.ServiceUnavailable(failing=[]),
}
