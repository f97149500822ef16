"""Hands out kept bytes: as an attachment, whole or one range of them (RFC 9110, RFC 6266)."""

from __future__ import annotations

import os

import structlog
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header, parse_etags

from errors import catalogue
from filesvc.acceleration import edge_answers_alike, is_edge_in_front, leave_to_edge
from filesvc.blobs import blob_path, open_span
from filesvc.downloads import Download
from filesvc.models import File, Status
from filesvc.previews import MEDIA_TYPE as PREVIEW_TYPE
from filesvc.previews import open_preview, preview_path
from filesvc.ranges import Span, parse_range
from filesvc.stores.places import Readable
from security.concurrency import client_slots

log = structlog.get_logger("content")

# Nothing in a handed-out file may run or load in a browser.
CONTENT_POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'"


def check_downloadable(file: File) -> None:
    """Only a processed file is handed out.

    Raises FileNotReady, StateConflict, FileQuarantined.
    """
    match file.status:
        case Status.PROCESSED:
            return
        case Status.QUEUED | Status.PROCESSING:
            raise catalogue.FileNotReady(state=file.status)
        case Status.QUARANTINED:
            raise catalogue.FileQuarantined()
        case _:
            raise catalogue.StateConflict(state=file.status)


def answer_content(request: HttpRequest, file: File) -> HttpResponseBase:
    """The content, a range of it, or 304 when the client has it.

    Raises RangeNotSatisfiable, StorageUnavailable, Overloaded.
    """
    etag = f'"{file.sha256}"'
    if _has_it(request, etag):
        _note(request, file, 304, 0)
        return _describe(HttpResponse(status=304), file, etag)
    span = _requested_span(request, file, etag)
    response = _hand_out(request, file, span, etag)
    length_bytes = span.length_bytes if span else file.size_bytes
    _note(request, file, 206 if span else 200, length_bytes)
    return response


def _hand_out(request: HttpRequest, file: File, span: Span | None, etag: str) -> HttpResponseBase:
    if is_edge_in_front(request) and edge_answers_alike(request, has_span=span is not None):
        with _open(file):  # what is not as it was taken in is refused here
            response = _describe(leave_to_edge(blob_path(file.id)), file, etag)
        if span is None:
            del response.headers["Accept-Ranges"]  # nginx says so itself, of whole files alone
        return response
    return _describe(_stream(file, span), file, etag)


def _stream(file: File, span: Span | None) -> StreamingHttpResponse:
    """The bytes, sent by this process. Raises StorageUnavailable, Overloaded."""
    length_bytes = span.length_bytes if span else file.size_bytes
    client_slots.take_or_refuse()
    try:
        download = Download(file, _open(file, span), length_bytes)
    except BaseException:  # of any kind: a place that is not given back is lost for good
        client_slots.release()
        raise
    # Closed with the response, when the server has sent the last byte or lost the client.
    response = StreamingHttpResponse(download, status=206 if span else 200)
    response.headers["Content-Length"] = str(length_bytes)
    if span:
        response.headers["Content-Range"] = f"bytes {span.first}-{span.last}/{file.size_bytes}"
    return response


def answer_preview(request: HttpRequest, file: File) -> HttpResponse:
    """The picture made of the file, or 304 when the client has it.

    Read whole, because it is ours and small. Raises NotFound, StorageUnavailable.
    """
    etag = f'"{file.id.hex}-{file.preview_fence}"'
    if file.has_preview and _has_it(request, etag):
        response, length_bytes = HttpResponse(status=304), 0
    else:
        response, length_bytes = _picture(request, file)
    _note(request, file, response.status_code, length_bytes, is_preview=True)
    response.headers["Content-Type"] = PREVIEW_TYPE
    response.headers["Content-Disposition"] = "inline"
    response.headers["Content-Security-Policy"] = CONTENT_POLICY
    response.headers["ETag"] = etag
    return response


def _picture(request: HttpRequest, file: File) -> tuple[HttpResponse, int]:
    with open_preview(file) as source:
        length_bytes = source.seek(0, os.SEEK_END)
        # A picture has no ranges, and nginx is told so too: none is anything but ignored.
        if is_edge_in_front(request) and edge_answers_alike(request, has_span=True):
            place = preview_path(file.id, file.preview_fence or 0)
            return leave_to_edge(place), length_bytes
        source.seek(0)
        return HttpResponse(source.read()), length_bytes


def _note(
    request: HttpRequest, file: File, status: int, length_bytes: int, *, is_preview: bool = False
) -> None:
    """Who was given what, for the audit; a HEAD gets nothing."""
    log.info(
        "preview.handed_out" if is_preview else "content.handed_out",
        file_id=str(file.id),
        owner_id=file.owner_id,
        status=status,
        content_bytes=0 if request.method == "HEAD" else length_bytes,
    )


def _open(file: File, span: Span | None = None) -> Readable:
    """The kept bytes, from the span on; they are still as many as were accepted."""
    span = span or Span(0, file.size_bytes - 1)
    return open_span(file.id, file.size_bytes, span.first, span.length_bytes)


def _has_it(request: HttpRequest, etag: str) -> bool:
    known = parse_etags(request.headers.get("If-None-Match", ""))
    return "*" in known or etag in known or f"W/{etag}" in known


def _requested_span(request: HttpRequest, file: File, etag: str) -> Span | None:
    """If-Range makes the range count only for the very same bytes (RFC 9110, 13.1.5)."""
    condition = request.headers.get("If-Range")
    if request.method != "GET" or (condition is not None and condition != etag):
        return None
    return parse_range(request.headers.get("Range", ""), file.size_bytes)


def _describe(response: HttpResponseBase, file: File, etag: str) -> HttpResponseBase:
    response.headers["Content-Type"] = file.media_type
    response.headers["Content-Disposition"] = (
        content_disposition_header(as_attachment=True, filename=file.name) or "attachment"
    )
    response.headers["Content-Security-Policy"] = CONTENT_POLICY
    response.headers["ETag"] = etag
    response.headers["Accept-Ranges"] = "bytes"
    return response
