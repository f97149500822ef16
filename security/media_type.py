"""What the bytes are: extension, libmagic and policy must agree; a client's claim is ignored."""

from __future__ import annotations

import codecs
import os
import re
import threading
from collections.abc import Iterator

import magic
import structlog

from errors import catalogue
from errors.base import ServiceError
from security.encoding import text_encoding
from security.filename import extension_of
from security.policy import allowed_media_types, allowed_types, type_of_extension
from security.structure.ole import is_encrypted_office_file
from security.upload import StagedUpload, storage_faults

UNKNOWN = "application/octet-stream"  # libmagic has no verdict
ZIP_SIGNATURE = b"PK\3\4"
DECODE_CHUNK_BYTES = 256 * 1024  # what a core's cache holds: a fifth faster than 1 MiB
# C0 and C1 controls but tab, line feed, form feed, carriage return and next line; as UTF-8.
_C0 = tuple({*range(0x20), 0x7F} - set(b"\t\n\f\r"))
_C1 = re.compile(rb"\xc2[\x80-\x84\x86-\x9f]")
# A libmagic cookie must not be used by two threads at once.
_local = threading.local()


@storage_faults()
def identify_type(upload: StagedUpload, name: str) -> str:
    """The IANA media type of the upload, certain enough to keep and to tell.

    Raises UnsupportedFileType, ContentMismatch, EncryptedContent, InspectionFailed,
    StorageUnavailable.
    """
    sniffed = sniff(upload.descriptor)
    structlog.contextvars.bind_contextvars(sniffed_type=sniffed)
    expected = type_of_extension(extension_of(name))
    if expected is None or not expected.accepts(sniffed):
        raise _refusal(upload.descriptor, sniffed)
    if expected.is_text:
        check_decodes(upload.descriptor)
    return expected.media_type


def _refusal(descriptor: int, sniffed: str) -> ServiceError:
    """Another allowed type under this extension is a mismatch; anything else is not accepted."""
    if is_encrypted_office_file(descriptor):
        return catalogue.EncryptedContent(note="encrypted office file")
    fitting = [row for row in allowed_types() if row.accepts(sniffed)]
    if sniffed != UNKNOWN and any(row.container != sniffed for row in fitting):
        return catalogue.ContentMismatch()
    return catalogue.UnsupportedFileType(allowed_types=allowed_media_types())


def sniff(descriptor: int) -> str:
    """libmagic's name for the whole open file, not only its first bytes.

    Raises InspectionFailed.
    """
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        sniffed = str(_cookie().from_descriptor(descriptor))
    except (magic.MagicException, UnicodeError) as error:
        raise catalogue.InspectionFailed(note="libmagic") from error
    # Its rule for office files ends without a verdict on some orders of their parts (measured).
    if sniffed == UNKNOWN and os.pread(descriptor, 4, 0) == ZIP_SIGNATURE:
        return "application/zip"
    return sniffed


def check_decodes(descriptor: int) -> None:
    """Text is UTF-8, or UTF-16 with its mark, to the last byte and without control characters.

    A line may be of any length: JSON and exports of programs often are one, and a limit would
    prove nothing more. What reads lines holds its own limits (filesvc.processors).
    Raises ContentMismatch.
    """
    try:
        for text in _decoded(descriptor):
            if has_controls(text):
                raise catalogue.ContentMismatch()
    except UnicodeDecodeError as error:
        raise catalogue.ContentMismatch() from error


def has_controls(text: str) -> bool:
    """One search for each: twenty times as fast as one pattern for all of them (measured)."""
    encoded = text.encode()
    return any(control in encoded for control in _C0) or bool(
        not text.isascii() and _C1.search(encoded)
    )


def _decoded(descriptor: int) -> Iterator[str]:
    # Not `utf-8-sig`: its incremental decoder lets a file pass that is half a mark (tried).
    encoding = text_encoding(os.pread(descriptor, 2, 0)).removesuffix("-sig")
    decoder = codecs.getincrementaldecoder(encoding)()
    position = 0
    while chunk := os.pread(descriptor, DECODE_CHUNK_BYTES, position):
        position += len(chunk)
        yield decoder.decode(chunk)
    yield decoder.decode(b"", final=True)


def _cookie() -> magic.Magic:
    if not hasattr(_local, "cookie"):
        _local.cookie = magic.Magic(mime=True)
    cookie: magic.Magic = _local.cookie
    return cookie
