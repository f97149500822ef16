"""How large a request and a file may be (OWASP ASVS 5.0 5.2.1)."""

from __future__ import annotations

import re

from django.conf import settings
from django.http import HttpRequest

from errors import catalogue

# Boundaries, part headers and the small text part beside the file.
MULTIPART_OVERHEAD_BYTES = 16 * 1024
_LENGTH = re.compile(r"[0-9]{1,19}", re.ASCII)


def check_declared_length(request: HttpRequest) -> None:
    """Refuse by the announced length alone, before a byte of the body is read.

    Raises LengthRequired, MalformedHeader, PayloadTooLarge.
    """
    length = request.META.get("CONTENT_LENGTH")
    if not length or request.META.get("HTTP_TRANSFER_ENCODING"):
        raise catalogue.LengthRequired()
    if not _LENGTH.fullmatch(length):
        raise catalogue.MalformedHeader(places=(("header", "Content-Length"),))
    largest = settings.MAX_UPLOAD_BYTES + MULTIPART_OVERHEAD_BYTES
    if int(length) > largest:
        raise catalogue.PayloadTooLarge(max_bytes=largest)


def check_received_size(size_bytes: int) -> None:
    """Called while streaming, after each chunk.

    Raises FileTooLarge.
    """
    if size_bytes > settings.MAX_UPLOAD_BYTES:
        raise catalogue.FileTooLarge(max_bytes=settings.MAX_UPLOAD_BYTES)


def check_not_empty(size_bytes: int) -> None:
    """ClamAV calls an empty file clean (measured), so it is refused before.

    Raises EmptyFile.
    """
    if size_bytes == 0:
        raise catalogue.EmptyFile()


def file_bytes_announced(request: HttpRequest) -> int:
    """The least the file can have, going by the announced length of the whole form."""
    return max(0, int(request.META["CONTENT_LENGTH"]) - MULTIPART_OVERHEAD_BYTES)
