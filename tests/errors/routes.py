"""Routes that fail in every way a view can, inside and outside DRF, for these tests alone."""

from __future__ import annotations

from collections.abc import Callable

from django.core import exceptions as django
from django.db import IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase
from django.urls import path
from rest_framework import exceptions as drf
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.urls import handler400, handler403, handler404, handler500
from errors import catalogue
from errors.handler import ProblemResponse, request_id_of

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

# Stands for what a client sent or a library said; no answer may repeat it.
PLANTED = "Zq7Xk9VwB3nM"

# What is raised, and the status and code it is answered with, wherever it is raised.
RAISED: dict[str, tuple[Callable[[], Exception], int, str]] = {
    "http404": (lambda: Http404(PLANTED), 404, "not_found"),
    "django-denied": (lambda: django.PermissionDenied(PLANTED), 403, "permission_denied"),
    "drf-denied": (lambda: drf.PermissionDenied(PLANTED), 403, "permission_denied"),
    "drf-not-found": (lambda: drf.NotFound(PLANTED), 404, "not_found"),
    "suspicious": (lambda: django.SuspiciousOperation(PLANTED), 400, "suspicious_request"),
    "bad-request": (lambda: django.BadRequest(PLANTED), 400, "suspicious_request"),
    "too-big": (lambda: django.RequestDataTooBig(PLANTED), 413, "payload_too_large"),
    "bad-form": (lambda: MultiPartParserError(PLANTED), 400, "malformed_multipart"),
    "unreadable": (lambda: UnreadablePostError(PLANTED), 400, "incomplete_body"),
    "invalid": (lambda: drf.ValidationError({PLANTED: PLANTED}), 422, "validation_failed"),
    "database-gone": (lambda: OperationalError(PLANTED), 503, "database_unavailable"),
    "connection-gone": (lambda: InterfaceError(PLANTED), 503, "database_unavailable"),
    "ours": (lambda: catalogue.StorageFull(note=PLANTED), 507, "storage_full"),
    "key": (lambda: KeyError(PLANTED), 500, "internal_error"),
    "surrogate": (lambda: ValueError(PLANTED + "\udc80"), 500, "internal_error"),
    "integrity": (lambda: IntegrityError(PLANTED), 500, "internal_error"),
    "recursion": (lambda: RecursionError(PLANTED), 500, "internal_error"),
    "drf-unknown": (lambda: drf.APIException(PLANTED), 500, "internal_error"),
}
UNFORESEEN = [kind for kind, (_, status, _) in RAISED.items() if status == 500]


class PublicView(APIView):
    """Asks for no token."""

    authentication_classes = ()
    permission_classes = ()
    http_method_names = ("get", "head", "post")


class FailingView(PublicView):
    """Raises the exception its path names."""

    def get(self, request: Request, kind: str, rest: str = "") -> Response:
        raise RAISED[kind][0]()

    def post(self, request: Request, kind: str, rest: str = "") -> Response:
        secret_of_the_frame = request.headers.get("Authorization")
        raise RAISED[kind][0]() from RuntimeError(secret_of_the_frame)


def fail_plainly(request: HttpRequest, kind: str, rest: str = "") -> HttpResponseBase:
    """The same outside DRF."""
    raise RAISED[kind][0]()


def answer_plainly(request: HttpRequest, status: int) -> HttpResponseBase:
    """An answer as third-party code may give it."""
    return HttpResponse(f"<h1>{PLANTED}</h1>", status=status, headers={"X-Leak": PLANTED})


def answer_problem(request: HttpRequest) -> HttpResponseBase:
    """An answer that is a Problem already."""
    return ProblemResponse(catalogue.FileQuarantined(), request_id_of(request))


urlpatterns = [
    path("drf/<str:kind>/", FailingView.as_view()),
    path("drf/<str:kind>/<path:rest>", FailingView.as_view()),
    path("plain/<str:kind>/", fail_plainly),
    path("plain/<str:kind>/<path:rest>", fail_plainly),
    path("answer/<int:status>/", answer_plainly),
    path("problem/", answer_problem),
]
