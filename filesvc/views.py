"""HTTP in, HTTP out; no decisions."""

from __future__ import annotations

import re
import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from errors import catalogue
from errors.metrics import UPLOADS
from errors.openapi import describes
from filesvc import idempotency
from filesvc.content import answer_content, answer_preview, check_downloadable
from filesvc.health import check_ready
from filesvc.intake import INTAKE_ERRORS, admit_client, take_in
from filesvc.listing import find_page
from filesvc.models import File, Status
from filesvc.previews import MEDIA_TYPE
from filesvc.renderers import AnyAccept
from filesvc.reprocessing import reprocess
from filesvc.serializers import (
    FilePageSerializer,
    FileSerializer,
    ListQuery,
    tell_file,
    tell_files,
)
from filesvc.storage import delete_file
from security import content_digest
from security.policy import allowed_types
from security.rate_limit import window_of
from security.receiving import DIGEST_PART, FILE_PART, MULTIPART
from security.signatures import current_scanner
from security.tokens import Scope, sees_everyone

# The one form we print; `uuid.UUID` takes braces, blanks and signs too.
_FILE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
FILE_ID = OpenApiParameter(
    "file_id",
    {"type": "string", "format": "uuid"},
    OpenApiParameter.PATH,
    description="The `id` of a File.",
)
IDEMPOTENCY_KEY = OpenApiParameter(
    idempotency.HEADER,
    {"type": "string", "pattern": f'^({idempotency.KEY_PATTERN}|"{idempotency.KEY_PATTERN}")$'},
    OpenApiParameter.HEADER,
    description="Makes sending the same request again safe for 24 hours.",
)
CONTENT_DIGEST = OpenApiParameter(
    content_digest.HEADER,
    {"type": "string", "format": "content-digest", "pattern": content_digest.VALUE_PATTERN},
    OpenApiParameter.HEADER,
    description="Digests of the request content, the whole form (RFC 9530).",
)
REPLAYED = OpenApiParameter(
    "Idempotency-Replayed",
    {"type": "string", "enum": ["true"]},
    OpenApiParameter.HEADER,
    response=[201, *idempotency.KEPT_REFUSALS],
    description="The answer is that of an earlier request with this key.",
)
UPLOAD_FORM: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": [FILE_PART],
    "properties": {
        FILE_PART: {
            "type": "string",
            "format": "binary",
            "description": "The file, with its name.",
        },
        DIGEST_PART: {
            "type": "string",
            "pattern": "^[0-9a-fA-F]{64}$",
            "description": "SHA-256 of the file, in hexadecimal, to be compared.",
        },
    },
}


class ServiceView(APIView):
    """A view that answers to the methods it declares and to no other; OPTIONS tells nothing."""

    http_method_names = ("get", "head", "post", "delete")


class LimitedView(ServiceView):
    """A view whose work costs enough to be counted; uploads and repetitions share one limit."""

    scopes: ClassVar[dict[str, Scope]] = {"POST": Scope.UPLOAD}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Who may ask, and how often; all of it before the body is read."""
        super().initial(request, *args, **kwargs)
        # Only a known client's refused body is read to its end (errors.wsgi_guard).
        request._request.META["filesvc.drain"] = True
        admit_client(request)

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Response:
        """Every answer past authentication tells what is left of the window."""
        told: Response = super().finalize_response(request, response, *args, **kwargs)
        usage = request._request.META.get("filesvc.rate_usage")
        for name, value in (usage.headers if usage else {}).items():
            told.headers[name] = value
        if request._request.META.get("filesvc.replayed"):
            told.headers[REPLAYED.name] = "true"
        return told


class UploadView(LimitedView):
    """POST /upload/ takes one file in."""

    @describes(
        operation_id="upload_file",
        parameters=[IDEMPOTENCY_KEY, CONTENT_DIGEST, REPLAYED],
        request={MULTIPART: UPLOAD_FORM},
        answers={201: FileSerializer},
        errors=INTAKE_ERRORS,
    )
    def post(self, request: Request) -> Response:
        """Take one file in; 201 means scanned clean, durable and certain to be processed."""
        accepted = take_in(request)
        return Response(accepted.told, status=201, headers={"Location": accepted.path})

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Response:
        """Counts what became of it."""
        told = super().finalize_response(request, response, *args, **kwargs)
        accepted = "replayed" if REPLAYED.name in told.headers else "accepted"
        if request.method == "POST":
            UPLOADS.labels(told.headers.get("X-Error-Code", accepted)).inc()
        return told


class FileListView(ServiceView):
    """GET /files/ lists the client's files."""

    scopes: ClassVar[dict[str, Scope]] = {"GET": Scope.READ}

    @describes(
        operation_id="list_files",
        parameters=[ListQuery],
        answers={200: FilePageSerializer},
        errors=(catalogue.InvalidParameter,),
    )
    def get(self, request: Request) -> Response:
        """The files of the token's user, newest first, page by page."""
        page = find_page(visible_files(request), request.query_params, request.path)
        told = tell_files(page.files, request)
        return Response({"next": page.next, "previous": page.previous, "results": told})


class FileView(ServiceView):
    """GET and DELETE /files/{id}/."""

    scopes: ClassVar[dict[str, Scope]] = {"GET": Scope.READ, "DELETE": Scope.DELETE}

    @describes(
        operation_id="show_file",
        parameters=[FILE_ID],
        answers={200: FileSerializer},
        errors=(catalogue.NotFound, catalogue.InvalidParameter),
    )
    def get(self, request: Request, file_id: str) -> Response:
        """One file and its state; `Retry-After` tells when to ask again while it is on its way."""
        file = find_file(request, file_id)
        return Response(tell_file(file, request), headers=when_to_ask_again(file))

    @describes(
        operation_id="delete_file",
        parameters=[FILE_ID],
        answers={204: None},
        errors=(catalogue.NotFound, catalogue.InvalidParameter),
    )
    def delete(self, request: Request, file_id: str) -> Response:
        """Remove a file with its bytes and its preview, whatever its state."""
        delete_file(find_file(request, file_id))
        return Response(status=204)


class ContentView(ServiceView):
    """GET /files/{id}/content/ hands the bytes out."""

    content_negotiation_class = AnyAccept

    scopes: ClassVar[dict[str, Scope]] = {"GET": Scope.READ}

    @describes(
        operation_id="download_file",
        parameters=[FILE_ID],
        answers={(200, "*/*"): bytes, (206, "*/*"): bytes, 304: None},
        errors=(
            catalogue.NotFound,
            catalogue.InvalidParameter,
            catalogue.FileNotReady,
            catalogue.StateConflict,
            catalogue.FileQuarantined,
            catalogue.RangeNotSatisfiable,
            catalogue.Overloaded,
            catalogue.StorageUnavailable,
        ),
    )
    def get(self, request: Request, file_id: str) -> HttpResponseBase:
        """The bytes of a processed file, as an attachment; `Range` and `If-None-Match` count."""
        file = find_file(request, file_id)
        check_downloadable(file)
        return answer_content(request._request, file)


class PreviewView(ServiceView):
    """GET /files/{id}/preview/ hands out the picture made of a file."""

    content_negotiation_class = AnyAccept

    scopes: ClassVar[dict[str, Scope]] = {"GET": Scope.READ}

    @describes(
        operation_id="show_preview",
        parameters=[FILE_ID],
        answers={(200, MEDIA_TYPE): bytes, 304: None},
        errors=(
            catalogue.NotFound,
            catalogue.InvalidParameter,
            catalogue.FileNotReady,
            catalogue.StateConflict,
            catalogue.FileQuarantined,
            catalogue.StorageUnavailable,
        ),
    )
    def get(self, request: Request, file_id: str) -> HttpResponseBase:
        """A small picture of a processed file; `not_found` where there is none."""
        file = find_file(request, file_id)
        check_downloadable(file)
        return answer_preview(request._request, file)


class ReprocessView(LimitedView):
    """POST /files/{id}/reprocess/ has a file scanned and processed again."""

    @describes(
        operation_id="reprocess_file",
        parameters=[FILE_ID],
        request=None,
        answers={202: FileSerializer},
        errors=(
            catalogue.NotFound,
            catalogue.InvalidParameter,
            catalogue.StateConflict,
            catalogue.RateLimited,
            catalogue.Overloaded,
            catalogue.StorageUnavailable,
            catalogue.DatabaseUnavailable,
        ),
    )
    def post(self, request: Request, file_id: str) -> Response:
        """Have a file scanned and processed again, as if new; a body is not read."""
        file = reprocess(find_file(request, file_id))
        headers = {"Location": file.path, **when_to_ask_again(file)}
        return Response(tell_file(file, request), status=202, headers=headers)


class PublicView(ServiceView):
    """A page that needs no token, and takes none."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


class IndexView(PublicView):
    """GET / says what this is."""

    @describes(operation_id="index", answers={200: dict}, needs_token=False)
    def get(self, request: Request) -> Response:
        """The service and its links."""
        return Response(
            {
                "service": "filesvc",
                "about": "Takes files in: checked, scanned, kept, processed.",
                "links": {
                    "upload": "/upload/",
                    "files": "/files/",
                    "policy": "/policy/",
                    "problems": "/problems/",
                    "schema": "/schema/",
                    "docs": "/docs/",
                    "live": "/health/live",
                    "ready": "/health/ready",
                },
            }
        )


class PolicyView(PublicView):
    """GET /policy/ tells what may come in, from the settings the gates use."""

    @describes(operation_id="show_policy", answers={200: dict}, needs_token=False)
    def get(self, request: Request) -> Response:
        """What may come in: size, types, rate and quotas, and what the scanner knows."""
        limit, window_seconds = window_of(settings.UPLOAD_RATE)
        return Response(
            {
                "max_upload_bytes": settings.MAX_UPLOAD_BYTES,
                "types": [
                    {"media_type": row.media_type, "extensions": list(row.extensions)}
                    for row in allowed_types()
                ],
                "rate": {"limit": limit, "window_seconds": window_seconds},
                "quotas": {
                    "files_per_day": settings.QUOTA_FILES_PER_DAY or None,
                    "bytes_per_day": settings.QUOTA_BYTES_PER_DAY or None,
                    "stored_bytes": settings.QUOTA_STORED_BYTES or None,
                },
                "scanner": describe_scanner(),
            }
        )


class LiveView(PublicView):
    """GET /health/live: the process answers; nothing else is asked."""

    @describes(operation_id="is_live", answers={200: dict}, needs_token=False)
    def get(self, request: Request) -> Response:
        """Whether the process answers; nothing else is asked."""
        return Response({"live": True})


class ReadyView(PublicView):
    """GET /health/ready: everything an upload needs is there."""

    @describes(
        operation_id="is_ready",
        answers={200: dict},
        errors=(catalogue.ServiceUnavailable, catalogue.Overloaded),
        needs_token=False,
    )
    def get(self, request: Request) -> Response:
        """Whether everything an upload needs is there; a refusal names what is missing.

        The answer is that of the last `age_seconds`.
        """
        told = check_ready()
        age_seconds = round(told.age_seconds, 1)
        return Response({"ready": True, "age_seconds": age_seconds, "checks": told.answer})


def visible_files(request: Request) -> Any:
    """The files this token may know of."""
    return File.objects.select_related("owner").visible_to(
        request.user, everyone=sees_everyone(request)
    )


def find_file(request: Request, file_id: str) -> File:
    """The file of that id.

    Raises NotFound, the same for a foreign id and an unknown one; InvalidParameter for
    what is no id.
    """
    if not _FILE_ID.fullmatch(file_id):
        raise catalogue.InvalidParameter(places=(("path", "id"),))
    file: File | None = visible_files(request).filter(id=uuid.UUID(file_id)).first()
    if file is None:
        raise catalogue.NotFound()
    return file


def when_to_ask_again(file: File) -> dict[str, str]:
    """The same wait as for its content; none for a file that changes no more."""
    if file.status in (Status.QUEUED, Status.PROCESSING):
        return {"Retry-After": str(catalogue.FileNotReady.retry_after_seconds)}
    return {}


def describe_scanner() -> dict[str, Any] | None:
    """Engine and signatures, or null while the scanner does not answer."""
    try:
        scanner = current_scanner()
    except (catalogue.ScannerUnavailable, catalogue.ScannerTimeout, catalogue.ScannerError):
        return None
    return {
        "engine": scanner.engine,
        "signatures": scanner.signatures,
        "updated_at": scanner.updated_at,
    }
