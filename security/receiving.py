"""Receives the form: strict multipart, one file staged while it is hashed and counted.

Django's own parser drops bad parts, decodes base64 parts and hides raw part headers, all
in silence; here the `multipart` package's strict push parser decides (RFC 7578, RFC 2046).
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
from collections.abc import Iterator
from typing import IO, Any, Never

import structlog
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest, QueryDict
from django.http.request import UnreadablePostError
from django.utils.datastructures import MultiValueDict
from multipart import MultipartError, MultipartSegment, PushMultipartParser

from errors import catalogue
from security.size import check_not_empty, check_received_size
from security.upload import StagedUpload, open_staged, storage_faults

FILE_PART = "file"
DIGEST_PART = "sha256"
MULTIPART = "multipart/form-data"

CHUNK_BYTES = 256 * 1024
MAX_PART_HEADER_BYTES = 4 * 1024
MAX_PART_HEADERS = 8
MAX_DIGEST_PART_BYTES = 128
_DIGEST = re.compile(rb"^[0-9a-fA-F]{64}$")
_FILENAME = re.compile(r";\s*filename\s*=", re.IGNORECASE)
_FILENAME_EXTENDED = re.compile(r";\s*filename\*", re.IGNORECASE)


def check_upload_headers(request: HttpRequest) -> None:
    """The form must be announced as plain multipart/form-data in UTF-8.

    Raises UnsupportedMediaType, UnsupportedContentEncoding.
    """
    charset = (request.content_params or {}).get("charset", "utf-8").lower()
    if request.content_type != MULTIPART or charset not in ("utf-8", "utf8"):
        raise catalogue.UnsupportedMediaType(accepted=[MULTIPART])
    if "HTTP_CONTENT_ENCODING" in request.META:
        raise catalogue.UnsupportedContentEncoding()


@contextlib.contextmanager
def receive_upload(request: Any) -> Iterator[StagedUpload]:
    """The one file of the form, staged; its bytes are gone afterwards unless promoted.

    Raises MalformedMultipart, IncompleteBody, MissingFile, MultipleFiles, UnexpectedPart,
    FilePartInvalid, FileTooLarge, DigestMismatch, ValidationFailed, EmptyFile, StorageFull,
    StorageUnavailable.
    """
    form = StagingUploadHandler()
    request.upload_handlers = [form]
    try:
        request.data  # noqa: B018 - the moment at which Django parses the body
        yield form.finished_upload()
    finally:
        form.close()


class StagingUploadHandler(FileUploadHandler):
    """Takes over from Django's parser in `handle_raw_input`, which reads the body once."""

    def __init__(self) -> None:
        super().__init__()
        self._upload: StagedUpload | None = None
        self._sha256 = hashlib.sha256()
        self._claimed_digest: bytearray | None = None
        self._segment: MultipartSegment | None = None

    def handle_raw_input(
        self,
        input_data: IO[bytes],
        META: dict[str, str],  # noqa: N803 - Django's name
        content_length: int,
        boundary: bytes,
        encoding: str | None = None,
    ) -> tuple[QueryDict, MultiValueDict[str, Any]]:
        """Read the whole form; nothing is left to Django's parser."""
        try:
            self._read_form(input_data, content_length, boundary)
        except MultipartError as error:
            raise catalogue.MalformedMultipart(note=str(error)) from error
        return QueryDict(mutable=True), MultiValueDict()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> Never:
        """Never called: `handle_raw_input` has done it all."""
        raise NotImplementedError

    def file_complete(self, file_size: int) -> Never:
        """Never called: `handle_raw_input` has done it all."""
        raise NotImplementedError

    def finished_upload(self) -> StagedUpload:
        """The staged file with its size and digest.

        Raises MissingFile, DigestMismatch, ValidationFailed, EmptyFile.
        """
        if self._upload is None:
            raise catalogue.MissingFile()
        self._upload.sha256 = self._sha256.hexdigest()
        structlog.contextvars.bind_contextvars(
            size_bytes=self._upload.size_bytes, sha256=self._upload.sha256
        )
        if self._claimed_digest is not None:
            check_digest(bytes(self._claimed_digest), self._upload.sha256)
        check_not_empty(self._upload.size_bytes)
        return self._upload

    def close(self) -> None:
        """Let go of the staged file, if one was begun."""
        if self._upload is not None:
            self._upload.close()

    def _read_form(self, stream: IO[bytes], content_length: int, boundary: bytes) -> None:
        parser = PushMultipartParser(
            boundary,
            content_length,
            max_header_size=MAX_PART_HEADER_BYTES,
            max_header_count=MAX_PART_HEADERS,
            strict=True,
        )
        with parser:
            for chunk in read_body(stream, content_length):
                for event in parser.parse(chunk):
                    self._take(event)

    def _take(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        if isinstance(event, MultipartSegment):
            self._begin_part(event)
        elif event is None:
            self._segment = None
        elif self._segment is not None and self._segment.name == FILE_PART:
            self._write(event)
        else:
            self._append_digest(event)

    def _begin_part(self, segment: MultipartSegment) -> None:
        self._segment = segment
        if segment.name == FILE_PART:
            if self._upload is not None:
                raise catalogue.MultipleFiles(max_files=1)
            self._upload = open_staged(check_file_part(segment))
        elif segment.name == DIGEST_PART and self._claimed_digest is None:
            check_text_part(segment)
            self._claimed_digest = bytearray()
        else:
            raise catalogue.UnexpectedPart()

    def _write(self, chunk: bytes | bytearray) -> None:
        upload = self._upload
        if upload is None:
            raise catalogue.MissingFile()
        upload.size_bytes += len(chunk)
        check_received_size(upload.size_bytes)
        self._sha256.update(chunk)
        with storage_faults():
            write_all(upload.descriptor, chunk)

    def _append_digest(self, chunk: bytes | bytearray) -> None:
        if self._claimed_digest is not None:
            self._claimed_digest += chunk
            if len(self._claimed_digest) > MAX_DIGEST_PART_BYTES:
                raise catalogue.ValidationFailed(places=(("part", DIGEST_PART),))


def read_body(stream: IO[bytes], content_length: int) -> Iterator[bytes]:
    """The body in chunks, exactly as long as announced.

    Raises IncompleteBody: the server reports a body cut short as a plain end (measured).
    """
    left = content_length
    while left > 0:
        try:
            chunk = stream.read(min(CHUNK_BYTES, left))
        except (OSError, UnreadablePostError) as error:
            raise catalogue.IncompleteBody() from error
        if not chunk:
            raise catalogue.IncompleteBody()
        left -= len(chunk)
        yield chunk


def check_file_part(segment: MultipartSegment) -> str:
    """The raw file name of the file part.

    Raises FilePartInvalid: `filename*` accepts any codec and the last of two names wins
    elsewhere, so one plain `filename` is all that is read (RFC 7578, section 4.2).
    """
    disposition = check_part_headers(segment)
    names = len(_FILENAME.findall(disposition))
    if names != 1 or segment.filename is None or _FILENAME_EXTENDED.search(disposition):
        raise catalogue.FilePartInvalid()
    return str(segment.filename)


def check_text_part(segment: MultipartSegment) -> None:
    """Raises UnexpectedPart when a text part calls itself a file."""
    check_part_headers(segment)
    if segment.filename is not None:
        raise catalogue.UnexpectedPart()


def check_part_headers(segment: MultipartSegment) -> str:
    """The one Content-Disposition of a part that is sent as it is.

    Raises FilePartInvalid.
    """
    names = [name for name, _ in segment.headerlist]
    if "Content-Transfer-Encoding" in names or len(set(names)) != len(names):
        raise catalogue.FilePartInvalid()
    return str(segment["Content-Disposition"])


def check_digest(claimed: bytes, actual: str) -> None:
    """Raises ValidationFailed when it is no SHA-256 in hex, DigestMismatch when it differs."""
    if not _DIGEST.match(claimed):
        raise catalogue.ValidationFailed(places=(("part", DIGEST_PART),))
    if not hmac.compare_digest(claimed.lower(), actual.encode()):
        raise catalogue.DigestMismatch()


def write_all(descriptor: int, chunk: bytes | bytearray) -> None:
    """A write may be short; this one is not."""
    view = memoryview(chunk)
    while view:
        view = view[os.write(descriptor, view) :]
