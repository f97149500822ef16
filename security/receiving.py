"""Receives the form: strict multipart, one file staged while it is hashed and counted.

Django's own parser drops bad parts, decodes base64 parts and hides raw part headers, all
in silence; here the `multipart` package's strict push parser decides (RFC 7578, RFC 2046).
"""

from __future__ import annotations

import contextlib
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
from multipart import MultipartError, MultipartSegment, ParserError, PushMultipartParser

from errors import catalogue
from errors.base import ServiceError
from security.content_digest import ContentDigest
from security.gate_time import in_gate
from security.running_digest import RunningDigest
from security.size import check_received_size
from security.upload import StagedUpload, open_staged, storage_faults

FILE_PART = "file"
DIGEST_PART = "sha256"
MULTIPART = "multipart/form-data"

_BOUNDARY = re.compile(r";\s*boundary\b", re.IGNORECASE)
CHUNK_BYTES = 512 * 1024  # 100 MB in four fifths of the time of 256 KiB (measured)
MAX_PART_HEADER_BYTES = 4 * 1024
MAX_PART_HEADERS = 8
MAX_PARTS = 16
MAX_FIELDS = 8
MAX_DIGEST_PART_BYTES = 128
_DIGEST = re.compile(rb"[0-9a-fA-F]{64}")
_WORD = r"[!#$%&'*+.^`|~\w-]+"
_PARAMETER = re.compile(
    rf';[ \t]*({_WORD})[ \t]*=[ \t]*(?:"(?:[^"\\]|\\.)*"|{_WORD})[ \t]*', re.ASCII
)


def check_upload_headers(request: HttpRequest) -> None:
    """The form must be announced as plain multipart/form-data in UTF-8.

    Raises UnsupportedMediaType, MalformedMultipart, UnsupportedContentEncoding.
    """
    charset = (request.content_params or {}).get("charset", "utf-8").lower()
    if request.content_type != MULTIPART or charset not in ("utf-8", "utf8"):
        raise catalogue.UnsupportedMediaType(accepted=[MULTIPART])
    # Of two boundaries readers take different ones, and `boundary*` is another spelling of it.
    if len(_BOUNDARY.findall(request.META.get("CONTENT_TYPE", ""))) > 1:
        raise catalogue.MalformedMultipart(note="two boundaries")
    if "HTTP_CONTENT_ENCODING" in request.META:
        raise catalogue.UnsupportedContentEncoding()


@contextlib.contextmanager
def receive_upload(request: Any, content_digest: ContentDigest) -> Iterator[StagedUpload]:
    """The one file of the form, staged; its bytes are gone afterwards unless promoted.

    Raises MalformedMultipart, IncompleteBody, MissingFile, MultipleFiles, UnexpectedPart,
    FilePartInvalid, TooManyParts, TooManyFields, FileTooLarge, DigestMismatch,
    ValidationFailed, StorageFull, StorageUnavailable.
    """
    form = StagingUploadHandler(content_digest)
    request.upload_handlers = [form]
    try:
        with in_gate("receive"):
            request.data  # noqa: B018 - the moment at which Django parses the body
        yield form.finished_upload()
    finally:
        form.close()


class FormParser(PushMultipartParser):  # type: ignore[misc]  # the package has no types
    """Refuses half a line end in a part header in every chunk; the parser does in some (tried)."""

    def _on_segment_headerline(self, line: bytes) -> None:
        if b"\n" in line or b"\r" in line:
            raise ParserError("half a line end in a part header")
        super()._on_segment_headerline(line)


class StagingUploadHandler(FileUploadHandler):
    """Takes over from Django's parser in `handle_raw_input`, which reads the body once."""

    def __init__(self, content_digest: ContentDigest | None = None) -> None:
        super().__init__()
        self._content_digest = content_digest or ContentDigest()
        self._upload: StagedUpload | None = None
        self._sha256 = RunningDigest()
        self._claimed_digest: bytearray | None = None
        self._segment: MultipartSegment | None = None
        self._fault: ServiceError | None = None
        self._parts = 0
        self._fields = 0

    def handle_raw_input(
        self,
        input_data: IO[bytes],
        META: dict[str, str],  # noqa: N803 - Django's name
        content_length: int,
        boundary: Any,  # bytes, whatever the stubs say
        encoding: str | None = None,
    ) -> tuple[QueryDict, MultiValueDict[str, Any]]:
        """Read the whole form; nothing is left to Django's parser."""
        try:
            self._read_form(input_data, content_length, boundary)
        except MultipartError as error:
            # Its further arguments quote what was sent.
            raise catalogue.MalformedMultipart(note=str(error.args[0])) from error
        return QueryDict(mutable=True), MultiValueDict()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> Never:
        """Never called: `handle_raw_input` has done it all."""
        raise NotImplementedError

    def file_complete(self, file_size: int) -> Never:
        """Never called: `handle_raw_input` has done it all."""
        raise NotImplementedError

    def finished_upload(self) -> StagedUpload:
        """The staged file with its size and digest.

        Raises MissingFile, DigestMismatch, ValidationFailed.
        """
        if self._upload is None:
            raise catalogue.MissingFile()
        self._upload.sha256 = self._sha256.hexdigest()
        structlog.contextvars.bind_contextvars(
            size_bytes=self._upload.size_bytes, sha256=self._upload.sha256
        )
        self._content_digest.check()
        if self._claimed_digest is not None:
            check_digest(bytes(self._claimed_digest), self._upload.sha256)
            self._upload.fields[DIGEST_PART] = self._upload.sha256
        return self._upload

    def close(self) -> None:
        """Let go of the staged file, if one was begun."""
        if self._upload is not None:
            self._upload.close()

    def _read_form(self, stream: IO[bytes], content_length: int, boundary: bytes) -> None:
        parser = FormParser(
            boundary,
            content_length,
            max_header_size=MAX_PART_HEADER_BYTES,
            max_header_count=MAX_PART_HEADERS,
            strict=True,
        )
        with parser:
            for chunk in read_form(stream, content_length, boundary):
                self._content_digest.update(chunk)
                for event in parser.parse(chunk):
                    self._take(event)
        if self._fault is not None:
            raise self._fault

    def _take(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        if isinstance(event, MultipartSegment):
            self._begin_part(event)
        elif event is None or self._fault is not None:
            return
        elif self._segment is not None and self._segment.name == FILE_PART:
            self._write(event)
        else:
            self._append_digest(event)

    def _begin_part(self, segment: MultipartSegment) -> None:
        """A part that is not ours is told only at the end: a form that is no form comes first."""
        self._segment = segment
        self._count_part(segment)
        try:
            self._open_part(segment)
        except (catalogue.StorageFull, catalogue.StorageUnavailable):
            raise
        except ServiceError as fault:
            self._fault = self._fault or fault

    def _count_part(self, segment: MultipartSegment) -> None:
        self._parts += 1
        self._fields += segment.filename is None
        if self._parts > MAX_PARTS:
            raise catalogue.TooManyParts(max_parts=MAX_PARTS)
        if self._fields > MAX_FIELDS:
            raise catalogue.TooManyFields(max_fields=MAX_FIELDS)

    def _open_part(self, segment: MultipartSegment) -> None:
        if segment.name == FILE_PART:
            if self._upload is not None:
                raise catalogue.MultipleFiles(max_files=1)
            name = check_file_part(segment)
            # For the operator's log alone, where JSON escapes whatever is in it.
            structlog.contextvars.bind_contextvars(file_name=name)
            self._upload = open_staged(name)
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


def read_form(stream: IO[bytes], content_length: int, boundary: bytes) -> Iterator[bytes]:
    """The body in chunks, its first and its last delimiter in chunks of their own.

    What stands before the one or after the other is overlooked by the parser in the same
    chunk and refused in another, a plain line end too (tried): cut so, chance has no say.
    Raises IncompleteBody, MalformedMultipart.
    """
    last_bytes = min(content_length, len(boundary) + len("\r\n----\r\n"))
    first_bytes = min(content_length - last_bytes, len(boundary) + len("\r\n--"))
    yield from read_body(stream, first_bytes)
    yield from read_body(stream, content_length - first_bytes - last_bytes)
    last = b"".join(read_body(stream, last_bytes))
    if not (b"\r\n" + last).removesuffix(b"\r\n").endswith(b"\r\n--" + boundary + b"--"):
        raise catalogue.MalformedMultipart(note="no delimiter at the end")
    yield last


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
    Raises FilenameInvalid: the parser would cut a Windows path down to its last name.
    """
    disposition = check_part_headers(segment)
    if segment.filename is None or "filename*" in parameter_names(disposition):
        raise catalogue.FilePartInvalid()
    if "\\" in disposition.replace('\\"', ""):
        raise catalogue.FilenameInvalid()
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
    disposition = str(segment["Content-Disposition"])
    parameters = parameter_names(disposition)
    for once in (names, parameters):
        if len(set(once)) != len(once):
            raise catalogue.FilePartInvalid()
    if "Content-Transfer-Encoding" in names:
        raise catalogue.FilePartInvalid()
    return disposition


def parameter_names(disposition: str) -> list[str]:
    """The names of its parameters, in lower case.

    Raises FilePartInvalid when anything else stands between them: readers would differ.
    """
    _, semicolon, parameters = disposition.partition(";")
    if _PARAMETER.sub("", semicolon + parameters):
        raise catalogue.FilePartInvalid()
    return [name.lower() for name in _PARAMETER.findall(semicolon + parameters)]


def check_digest(claimed: bytes, actual: str) -> None:
    """Raises ValidationFailed when it is no SHA-256 in hex, DigestMismatch when it differs."""
    if not _DIGEST.fullmatch(claimed):
        raise catalogue.ValidationFailed(places=(("part", DIGEST_PART),))
    if not hmac.compare_digest(claimed.lower(), actual.encode()):
        raise catalogue.DigestMismatch()


def write_all(descriptor: int, chunk: bytes | bytearray) -> None:
    """A write may be short; this one is not."""
    view = memoryview(chunk)
    while view:
        view = view[os.write(descriptor, view) :]
