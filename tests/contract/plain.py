"""Django and DRF as they come, without our settings: what they would answer by themselves."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.handlers.wsgi import WSGIHandler
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.test import override_settings
from django.urls import path
from rest_framework.authentication import SessionAuthentication
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.pagination import CursorPagination
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import DEFAULTS, APISettings
from rest_framework.views import APIView

from filesvc.models import File
from tests.client import BOUNDARY, Answer, call

COMMON = "django.middleware.common.CommonMiddleware"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


def ask(method: str, target: str, *, apps: dict[str, Any] | None = None, **more: Any) -> Answer:
    """One request to a plain Django; `apps` are settings that differ from its defaults."""
    plain: dict[str, Any] = {
        "ROOT_URLCONF": "tests.contract.plain",
        "MIDDLEWARE": [COMMON],
        "APPEND_SLASH": True,
    }
    with override_settings(**(plain | (apps or {}))):
        return call(method, target, application=WSGIHandler(), **more)


def send(body: bytes, content_type: str = FORM, **more: Any) -> Answer:
    """One form to a plain DRF view, which tells what it was given."""
    return ask("POST", "/upload/", body=body, CONTENT_TYPE=content_type, **more)


def is_html(answer: Answer) -> bool:
    """True for a page that no program can read."""
    return answer.headers["content-type"].startswith("text/html")


DEFAULT: Any = APISettings({"NUM_PROXIES": None}, DEFAULTS)  # not empty, or DRF would read ours


class Negotiation(DefaultContentNegotiation):
    """DRF's own, with its own settings."""

    settings = DEFAULT


class PlainView(APIView):
    """A DRF view with the defaults of DRF."""

    settings = DEFAULT
    renderer_classes = (JSONRenderer,)
    parser_classes = (JSONParser, FormParser, MultiPartParser)
    authentication_classes: tuple[Any, ...] = ()
    permission_classes: tuple[Any, ...] = ()
    content_negotiation_class = Negotiation
    metadata_class = DEFAULT.DEFAULT_METADATA_CLASS


class FormView(PlainView):
    """Tells the fields and the files it was given: name, and content as Latin-1."""

    def get(self, request: Request) -> Response:
        return Response({})

    def post(self, request: Request) -> Response:
        request.data  # noqa: B018 - the moment at which Django parses the body
        files: dict[str, Any] = request._request.FILES.dict()
        return Response(
            {
                "files": {
                    part: [told.name, told.read().decode("latin-1")] for part, told in files.items()
                },
                "fields": request._request.POST.dict(),
            }
        )


class ErrorView(PlainView):
    """Raises what its path names."""

    def get(self, request: Request, kind: str) -> Response:
        raise {"value": ValueError, "validation": ValidationError, "integrity": IntegrityError}[
            kind
        ]("from the inside")


class SessionView(FormView):
    """Asks for a session, as DRF does by default."""

    authentication_classes = (SessionAuthentication,)
    permission_classes = (IsAuthenticated,)


class ListView(PlainView):
    """A list in pages of DRF's own making."""

    def get(self, request: Request) -> Response:
        pages = CursorPagination()
        pages.page_size, pages.page_size_query_param = 1, "page_size"
        pages.ordering = "-uploaded_at"
        rows = pages.paginate_queryset(File.objects.all(), request, self) or []
        return pages.get_paginated_response([str(row.id) for row in rows])


class FileView(PlainView):
    """One file, looked up as the tutorials do."""

    def get(self, request: Request, file_id: str) -> Response:
        return Response(str(get_object_or_404(File, id=file_id)))


def touch_database(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(File.objects.count()))


def fail(request: HttpRequest) -> HttpResponse:
    raise ValueError("from the inside")


def build_url(request: HttpRequest, exception: Exception) -> HttpResponse:
    return HttpResponse(request.build_absolute_uri("/problems/"), status=400)


urlpatterns = [
    path("upload/", FormView.as_view()),
    path("error/<str:kind>/", ErrorView.as_view()),
    path("session/", SessionView.as_view()),
    path("files/", ListView.as_view()),
    path("files/<uuid:file_id>/", FileView.as_view()),
    path("count/", touch_database),
    path("fail/", fail),
]
