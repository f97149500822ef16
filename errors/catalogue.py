"""Every error this service can answer with, one class each.

The class is the only declaration: handler, documents, metrics and log read it.
A released code keeps its status, its `retryable` and its public details.
"""

from __future__ import annotations

from dataclasses import dataclass

from errors.base import ServiceError

# --- the request itself --------------------------------------------------------


@dataclass(eq=False, kw_only=True)
class MalformedHeader(ServiceError):
    """A request header does not follow its own grammar."""

    code, status, title = "malformed_header", 400, "Malformed header"


@dataclass(eq=False, kw_only=True)
class UriTooLong(ServiceError):
    """The request target is longer than {max_bytes} bytes."""

    code, status, title = "uri_too_long", 414, "Request target is too long"
    max_bytes: int


@dataclass(eq=False, kw_only=True)
class HeadersTooLarge(ServiceError):
    """The request headers are larger than {max_bytes} bytes."""

    code, status, title = "headers_too_large", 431, "Request headers are too large"
    max_bytes: int


@dataclass(eq=False, kw_only=True)
class InvalidHost(ServiceError):
    """The Host header is missing or names a host that is not served here."""

    code, status, title = "invalid_host", 400, "Invalid host"
    place = "header", "Host"


@dataclass(eq=False, kw_only=True)
class SuspiciousRequest(ServiceError):
    """The request was refused because it looks forged."""

    code, status, title = "suspicious_request", 400, "Suspicious request"


@dataclass(eq=False, kw_only=True)
class NotFound(ServiceError):
    """Nothing was found at this address, or this token may not see it."""

    code, status, title = "not_found", 404, "Not found"
    advice = "Check the address; an object of another owner looks the same as a missing one."


@dataclass(eq=False, kw_only=True)
class MethodNotAllowed(ServiceError):
    """This address does not answer to that method."""

    code, status, title = "method_not_allowed", 405, "Method not allowed"
    advice = "Use one of the methods listed in the Allow header."
    allowed: list[str]

    @property
    def headers(self) -> dict[str, str]:
        return {"Allow": ", ".join(self.allowed)}


@dataclass(eq=False, kw_only=True)
class NotAcceptable(ServiceError):
    """None of the accepted media types can be produced."""

    code, status, title = "not_acceptable", 406, "Not acceptable"
    place = "header", "Accept"
    supported: list[str]


@dataclass(eq=False, kw_only=True)
class InvalidParameter(ServiceError):
    """A parameter of the request is not valid."""

    code, status, title = "invalid_parameter", 400, "Invalid parameter"
    advice = "Correct the parameter named in errors."


@dataclass(eq=False, kw_only=True)
class ValidationFailed(ServiceError):
    """A field of the request was understood but is not acceptable."""

    code, status, title = "validation_failed", 422, "Validation failed"
    advice = "Correct the fields named in errors."


# --- told by the proxy in front ------------------------------------------------


@dataclass(eq=False, kw_only=True)
class BadRequest(ServiceError):
    """The request is not valid HTTP."""

    code, status, title = "bad_request", 400, "Bad request"
    stage = "edge"

    @property
    def headers(self) -> dict[str, str]:
        return {"Connection": "close"}


@dataclass(eq=False, kw_only=True)
class NotImplementedByServer(ServiceError):
    """The server does not know this method or transfer coding."""

    code, status, title = "not_implemented", 501, "Not implemented"
    stage = "edge"


@dataclass(eq=False, kw_only=True)
class HttpVersionUnsupported(ServiceError):
    """The server does not speak this version of HTTP."""

    code, status, title = "http_version_unsupported", 505, "HTTP version is not supported"
    stage = "edge"


@dataclass(eq=False, kw_only=True)
class BadGateway(ServiceError):
    """The service behind the proxy broke off or gave no valid answer."""

    code, status, title = "bad_gateway", 502, "Bad gateway"
    advice = "The request may have been carried out: look before you send it again."
    stage = "edge"
    retryable = True
    retry_after_seconds: int | None = 5


@dataclass(eq=False, kw_only=True)
class GatewayTimeout(ServiceError):
    """The service behind the proxy did not answer in time."""

    code, status, title = "gateway_timeout", 504, "Gateway timed out"
    advice = "The request may have been carried out: look before you send it again."
    stage = "edge"
    retryable = True
    retry_after_seconds: int | None = 10


# --- who is asking -------------------------------------------------------------


@dataclass(eq=False, kw_only=True)
class AuthenticationRequired(ServiceError):
    """This request needs a token."""

    code, status, title = "authentication_required", 401, "Authentication required"
    advice = "Send the header Authorization: Bearer <token>."
    stage = "authentication"

    @property
    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": 'Bearer realm="filesvc"'}


@dataclass(eq=False, kw_only=True)
class InvalidToken(ServiceError):
    """The token is not valid."""

    code, status, title = "invalid_token", 401, "Invalid token"
    advice = "Use a token that was issued for this service and is still in force."
    stage = "authentication"

    @property
    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": 'Bearer realm="filesvc", error="invalid_token"'}


@dataclass(eq=False, kw_only=True)
class TokenExpired(ServiceError):
    """The token is past its lifetime."""

    code, status, title = "token_expired", 401, "Token has expired"
    advice = "Ask for a new token."
    stage = "authentication"

    @property
    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": 'Bearer realm="filesvc", error="invalid_token"'}


@dataclass(eq=False, kw_only=True)
class InsufficientScope(ServiceError):
    """The token does not carry the scope {required_scope}."""

    code, status, title = "insufficient_scope", 403, "Insufficient scope"
    advice = "Use a token with the required scope."
    stage = "authorisation"
    required_scope: str

    @property
    def headers(self) -> dict[str, str]:
        return {
            "WWW-Authenticate": 'Bearer realm="filesvc", error="insufficient_scope", '
            f'scope="{self.required_scope}"'
        }


@dataclass(eq=False, kw_only=True)
class PermissionDenied(ServiceError):
    """This action is not granted."""

    code, status, title = "permission_denied", 403, "Permission denied"
    stage = "authorisation"


@dataclass(eq=False, kw_only=True)
class RateLimited(ServiceError):
    """Too many requests in this window of time."""

    code, status, title = "rate_limited", 429, "Too many requests"
    advice = "Wait as long as Retry-After says, then send the same request again."
    stage = "rate_limit"
    retryable = True
    violated_policies: list[str]


@dataclass(eq=False, kw_only=True)
class ConcurrencyLimited(ServiceError):
    """This owner has too many uploads under way."""

    code, status, title = "concurrency_limited", 429, "Too many uploads at once"
    advice = "Wait for one of them to end, then send the same request again."
    stage = "admission"
    retryable = True
    max_concurrent: int


@dataclass(eq=False, kw_only=True)
class QuotaExceeded(ServiceError):
    """The quota of this day is used up."""

    code, status, title = "quota_exceeded", 429, "Quota exceeded"
    advice = "Wait as long as Retry-After says: the quota is counted by days in UTC."
    stage = "quota"
    retryable = True
    violated_policies: list[str]
    limit: int
    window_seconds: int


@dataclass(eq=False, kw_only=True)
class StorageQuotaExceeded(ServiceError):
    """The files kept for this owner take all the room they may."""

    code, status, title = "storage_quota_exceeded", 403, "Storage quota exceeded"
    advice = "Delete files that are no longer needed."
    stage = "quota"
    max_bytes: int
    max_files: int


@dataclass(eq=False, kw_only=True)
class Overloaded(ServiceError):
    """The service has no room for this request at this moment."""

    code, status, title = "overloaded", 503, "Service is overloaded"
    advice = "Wait as long as Retry-After says, then send the same request again."
    stage = "admission"
    retryable = True


# --- the same request again ----------------------------------------------------


@dataclass(eq=False, kw_only=True)
class IdempotencyKeyInvalid(ServiceError):
    """The Idempotency-Key is not 16 to 128 characters of its alphabet."""

    code, status, title = "idempotency_key_invalid", 400, "Idempotency key is invalid"
    advice = (
        "Send the header once, with letters, digits and . _ ~ : + / = - only, bare or in double "
        "quotes; a UUID will do."
    )
    stage = "idempotency"
    place = "header", "Idempotency-Key"


@dataclass(eq=False, kw_only=True)
class IdempotencyKeyInProgress(ServiceError):
    """Another request with this Idempotency-Key is still under way."""

    code, status, title = "idempotency_key_in_progress", 409, "Idempotency key is in progress"
    advice = "Wait as long as Retry-After says, then send the same request again with the same key."
    stage = "idempotency"
    retryable = True
    place = "header", "Idempotency-Key"
    retry_after_seconds: int | None = 2


@dataclass(eq=False, kw_only=True)
class IdempotencyKeyReused(ServiceError):
    """This Idempotency-Key belongs to another request: its file, name or fields differ."""

    code, status, title = "idempotency_key_reused", 422, "Idempotency key was reused"
    advice = "Use a new key for a new request, and an old one only for the very same request."
    stage = "idempotency"
    place = "header", "Idempotency-Key"


# --- receiving the body --------------------------------------------------------


@dataclass(eq=False, kw_only=True)
class LengthRequired(ServiceError):
    """This request needs a Content-Length."""

    code, status, title = "length_required", 411, "Length required"
    stage = "receiving"
    place = "header", "Content-Length"


@dataclass(eq=False, kw_only=True)
class PayloadTooLarge(ServiceError):
    """The request body is larger than {max_bytes} bytes."""

    code, status, title = "payload_too_large", 413, "Payload is too large"
    advice = (
        "Send a smaller file; GET /policy/ tells the limit of a file, max_bytes that of a request."
    )
    stage = "receiving"
    max_bytes: int


@dataclass(eq=False, kw_only=True)
class FileTooLarge(ServiceError):
    """The file is larger than {max_bytes} bytes."""

    code, status, title = "file_too_large", 413, "File is too large"
    advice = "Send a smaller file; GET /policy/ tells the limit."
    stage = "receiving"
    place = "part", "file"
    max_bytes: int


@dataclass(eq=False, kw_only=True)
class UnsupportedMediaType(ServiceError):
    """The request body must be multipart/form-data, in UTF-8."""

    code, status, title = "unsupported_media_type", 415, "Unsupported media type"
    stage = "receiving"
    place = "header", "Content-Type"
    accepted: list[str]

    @property
    def headers(self) -> dict[str, str]:
        return {"Accept": ", ".join(self.accepted)}


@dataclass(eq=False, kw_only=True)
class UnsupportedContentEncoding(ServiceError):
    """The request body must not be compressed."""

    code, status, title = "unsupported_content_encoding", 415, "Unsupported content encoding"
    stage = "receiving"
    place = "header", "Content-Encoding"

    @property
    def headers(self) -> dict[str, str]:
        return {"Accept-Encoding": "identity"}


@dataclass(eq=False, kw_only=True)
class MalformedMultipart(ServiceError):
    """The body is not a complete and valid multipart/form-data document."""

    code, status, title = "malformed_multipart", 400, "Malformed multipart body"
    stage = "receiving"


@dataclass(eq=False, kw_only=True)
class IncompleteBody(ServiceError):
    """The body ended before the announced length."""

    code, status, title = "incomplete_body", 400, "Incomplete body"
    stage = "receiving"


@dataclass(eq=False, kw_only=True)
class TooManyParts(ServiceError):
    """The form has more than {max_parts} parts."""

    code, status, title = "too_many_parts", 400, "Too many parts"
    stage = "receiving"
    max_parts: int


@dataclass(eq=False, kw_only=True)
class TooManyFields(ServiceError):
    """The form has more than {max_fields} fields."""

    code, status, title = "too_many_fields", 400, "Too many fields"
    stage = "receiving"
    max_fields: int


@dataclass(eq=False, kw_only=True)
class MissingFile(ServiceError):
    """The form has no part named file."""

    code, status, title = "missing_file", 400, "File is missing"
    stage = "receiving"
    place = "part", "file"


@dataclass(eq=False, kw_only=True)
class MultipleFiles(ServiceError):
    """The form has more than one part named file."""

    code, status, title = "multiple_files", 400, "Too many files"
    stage = "receiving"
    place = "part", "file"
    max_files: int


@dataclass(eq=False, kw_only=True)
class UnexpectedPart(ServiceError):
    """The form may have one part file and one text part sha256, and no other."""

    code, status, title = "unexpected_part", 400, "Unexpected part"
    advice = "Send one file part named file and, if you like, one text part named sha256."
    stage = "receiving"
    place = "part", ""


@dataclass(eq=False, kw_only=True)
class FilePartInvalid(ServiceError):
    """The part named file is not described by one plain filename."""

    code, status, title = "file_part_invalid", 400, "File part is invalid"
    advice = "Send the part with one filename parameter, no filename* and no transfer encoding."
    stage = "receiving"
    place = "part", "file"


@dataclass(eq=False, kw_only=True)
class DigestMismatch(ServiceError):
    """The bytes received do not have the digest that was sent."""

    code, status, title = "digest_mismatch", 422, "Digest does not match"
    advice = "Check the file and its digest, then send both again."
    stage = "receiving"
    place = "part", "sha256"


# --- the file name -------------------------------------------------------------


@dataclass(eq=False, kw_only=True)
class FilenameMissing(ServiceError):
    """The file part has no usable file name."""

    code, status, title = "filename_missing", 422, "File name is missing"
    stage = "filename"
    place = "part", "file"


@dataclass(eq=False, kw_only=True)
class FilenameTooLong(ServiceError):
    """The file name is longer than {max_length} characters or bytes."""

    code, status, title = "filename_too_long", 422, "File name is too long"
    stage = "filename"
    place = "part", "file"
    max_length: int


@dataclass(eq=False, kw_only=True)
class FilenameInvalid(ServiceError):
    """The file name has characters or a form that is not accepted."""

    code, status, title = "filename_invalid", 422, "File name is invalid"
    advice = "Use a plain name without path, control or invisible characters."
    stage = "filename"
    place = "part", "file"


@dataclass(eq=False, kw_only=True)
class ExtensionNotAllowed(ServiceError):
    """The extension of the file name is not accepted."""

    code, status, title = "extension_not_allowed", 422, "Extension is not allowed"
    advice = "GET /policy/ lists the accepted types and their extensions."
    stage = "filename"
    place = "part", "file"
    allowed_extensions: list[str]


# --- what the bytes are --------------------------------------------------------


@dataclass(eq=False, kw_only=True)
class EmptyFile(ServiceError):
    """The file has no bytes."""

    code, status, title = "empty_file", 422, "File is empty"
    stage = "media_type"
    place = "part", "file"


@dataclass(eq=False, kw_only=True)
class UnsupportedFileType(ServiceError):
    """The content of the file is of a type that is not accepted."""

    code, status, title = "unsupported_file_type", 415, "Unsupported file type"
    advice = "GET /policy/ lists the accepted types and their extensions."
    stage = "media_type"
    place = "part", "file"
    allowed_types: list[str]


@dataclass(eq=False, kw_only=True)
class ContentMismatch(ServiceError):
    """The content of the file does not fit its extension."""

    code, status, title = "content_mismatch", 422, "Content does not match"
    advice = "Give the file the extension that fits its content."
    stage = "media_type"
    place = "part", "file"


@dataclass(eq=False, kw_only=True)
class CorruptContent(ServiceError):
    """The file cannot be read as what it says it is."""

    code, status, title = "corrupt_content", 422, "Content is corrupt"
    stage = "structure"
    place = "part", "file"


@dataclass(eq=False, kw_only=True)
class InspectionFailed(ServiceError):
    """The file could not be inspected."""

    code, status, title = "inspection_failed", 422, "Inspection failed"
    stage = "media_type"
    place = "part", "file"


@dataclass(eq=False, kw_only=True)
class ArchiveLimitsExceeded(ServiceError):
    """The archive unpacks to more than is accepted."""

    code, status, title = "archive_limits_exceeded", 422, "Archive limits exceeded"
    advice = "Send the contents as files of their own, or split the archive."
    stage = "structure"
    place = "part", "file"
    max_ratio: int
    max_entries: int
    max_depth: int
    max_unpacked_bytes: int


@dataclass(eq=False, kw_only=True)
class ArchiveUnsafeEntry(ServiceError):
    """The archive has an entry that is a link, a device, repeated or named unsafely."""

    code, status, title = "archive_unsafe_entry", 422, "Archive entry is unsafe"
    advice = "Pack the files anew, without links and with plain relative names."
    stage = "structure"
    place = "part", "file"


@dataclass(eq=False, kw_only=True)
class ImageLimitsExceeded(ServiceError):
    """The image has more pixels or frames than are accepted."""

    code, status, title = "image_limits_exceeded", 422, "Image limits exceeded"
    advice = "Send a smaller image, or one with fewer frames."
    stage = "structure"
    place = "part", "file"
    max_pixels: int
    max_frames: int


@dataclass(eq=False, kw_only=True)
class AmbiguousContent(ServiceError):
    """The file is more than one thing, or something follows its end."""

    code, status, title = "ambiguous_content", 422, "Content is ambiguous"
    advice = "Save the file again with the program that made it."
    stage = "structure"
    place = "part", "file"


@dataclass(eq=False, kw_only=True)
class EncryptedContent(ServiceError):
    """Encrypted content cannot be inspected and is not accepted."""

    code, status, title = "encrypted_content", 422, "Content is encrypted"
    advice = "Remove the password and send the file again."
    stage = "structure"
    place = "part", "file"


@dataclass(eq=False, kw_only=True)
class ActiveContent(ServiceError):
    """The file carries macros or scripts, which are not accepted."""

    code, status, title = "active_content", 422, "Active content"
    advice = "Save the file without macros and send it again."
    stage = "structure"
    place = "part", "file"


# --- the malware scan ----------------------------------------------------------


@dataclass(eq=False, kw_only=True)
class MalwareDetected(ServiceError):
    """The scanner refuses this file."""

    code, status, title = "malware_detected", 422, "Malware detected"
    advice = "Do not send this file again."
    stage = "scan"
    place = "part", "file"


@dataclass(eq=False, kw_only=True)
class ScanIncomplete(ServiceError):
    """The file is too deep or too large inside to be scanned as a whole."""

    code, status, title = "scan_incomplete", 422, "Scan is incomplete"
    stage = "scan"
    place = "part", "file"


@dataclass(eq=False, kw_only=True)
class ScanSizeExceeded(ServiceError):
    """The file is larger than the scanner takes, {max_bytes} bytes."""

    code, status, title = "scan_size_exceeded", 413, "File is too large to scan"
    stage = "scan"
    place = "part", "file"
    is_ours = True  # clamd's limits and ours have drifted apart
    max_bytes: int


@dataclass(eq=False, kw_only=True)
class ScannerUnavailable(ServiceError):
    """The malware scanner cannot be reached."""

    code, status, title = "scanner_unavailable", 503, "Scanner is unavailable"
    advice = "Nothing was kept; wait as long as Retry-After says, then send the same request again."
    stage = "scan"
    retryable = True
    retry_after_seconds: int | None = 30


@dataclass(eq=False, kw_only=True)
class ScannerTimeout(ServiceError):
    """The malware scanner gave no verdict in time."""

    code, status, title = "scanner_timeout", 503, "Scanner timed out"
    advice = "Nothing was kept; wait as long as Retry-After says, then send the same request again."
    stage = "scan"
    retryable = True
    retry_after_seconds: int | None = 30


@dataclass(eq=False, kw_only=True)
class ScannerError(ServiceError):
    """The malware scanner gave no valid verdict."""

    code, status, title = "scanner_error", 503, "Scanner failed"
    advice = "Nothing was kept; wait as long as Retry-After says, then send the same request again."
    stage = "scan"
    retryable = True
    retry_after_seconds: int | None = 30


# --- keeping and handing out ---------------------------------------------------


@dataclass(eq=False, kw_only=True)
class StorageUnavailable(ServiceError):
    """The file store cannot be used."""

    code, status, title = "storage_unavailable", 503, "Storage is unavailable"
    advice = (
        "Wait as long as Retry-After says, then send the same request again; nothing of an upload "
        "was kept."
    )
    stage = "storage"
    retryable = True
    retry_after_seconds: int | None = 10


@dataclass(eq=False, kw_only=True)
class StorageFull(ServiceError):
    """The file store has no room left."""

    code, status, title = "storage_full", 507, "Storage is full"
    advice = "Nothing was kept; an operator has to make room first."
    stage = "storage"


@dataclass(eq=False, kw_only=True)
class DatabaseUnavailable(ServiceError):
    """The database cannot be used."""

    code, status, title = "database_unavailable", 503, "Database is unavailable"
    advice = (
        "Wait as long as Retry-After says; the connection may have broken after the file was "
        "kept, so look for it before you send it again."
    )
    stage = "database"
    retryable = True
    retry_after_seconds: int | None = 5


@dataclass(eq=False, kw_only=True)
class FileNotReady(ServiceError):
    """The file has not been processed yet."""

    code, status, title = "file_not_ready", 409, "File is not ready"
    advice = "Wait as long as Retry-After says, then ask again."
    stage = "content"
    retryable = True
    state: str
    retry_after_seconds: int | None = 2


@dataclass(eq=False, kw_only=True)
class StateConflict(ServiceError):
    """The state of the file does not allow this."""

    code, status, title = "state_conflict", 409, "State conflict"
    advice = "GET the file to see its state and failure."
    stage = "content"
    state: str


@dataclass(eq=False, kw_only=True)
class FileQuarantined(ServiceError):
    """The file was found unsafe after it was kept and is not handed out."""

    code, status, title = "file_quarantined", 403, "File is quarantined"
    advice = "Delete the file."
    stage = "content"


@dataclass(eq=False, kw_only=True)
class RangeNotSatisfiable(ServiceError):
    """The requested range lies outside the file."""

    code, status, title = "range_not_satisfiable", 416, "Range not satisfiable"
    stage = "content"
    place = "header", "Range"
    size_bytes: int

    @property
    def headers(self) -> dict[str, str]:
        return {"Content-Range": f"bytes */{self.size_bytes}"}


# --- the service itself --------------------------------------------------------


@dataclass(eq=False, kw_only=True)
class ServiceUnavailable(ServiceError):
    """The service is not ready to work."""

    code, status, title = "service_unavailable", 503, "Service is unavailable"
    advice = "Wait as long as Retry-After says, then ask again."
    retryable = True
    failing: list[str]
    retry_after_seconds: int | None = 5


@dataclass(eq=False, kw_only=True)
class InternalError(ServiceError):
    """Something went wrong on our side."""

    code, status, title = "internal_error", 500, "Internal error"
    advice = "Tell the operator the request_id; sending the request again may not help."


# --- failures of processing, told inside the File resource ---------------------

AGAIN = "POST to reprocess/ below its address: the file is kept and need not be sent again."


@dataclass(eq=False, kw_only=True)
class ProcessingError(ServiceError):
    """Processing the file failed."""

    # The File resource that tells it is itself answered with 200.
    status = 200
    stage = "processing"


@dataclass(eq=False, kw_only=True)
class ProcessingFailed(ProcessingError):
    """Processing this file failed."""

    code, title = "processing_failed", "Processing failed"
    advice = "Tell the operator the request_id of the upload."


@dataclass(eq=False, kw_only=True)
class ProcessingTimeout(ProcessingError):
    """Processing this file took too long."""

    code, title = "processing_timeout", "Processing timed out"
    advice = AGAIN
    retryable = True


@dataclass(eq=False, kw_only=True)
class ProcessingLost(ProcessingError):
    """Every worker that tried to process this file was lost."""

    code, title = "processing_lost", "Processing was lost"
    advice = AGAIN
    retryable = True


@dataclass(eq=False, kw_only=True)
class ProcessingDependencyUnavailable(ProcessingError):
    """A part of the service that processing needs was not available."""

    code, title = "processing_dependency_unavailable", "Processing could not be done"
    advice = AGAIN
    retryable = True


@dataclass(eq=False, kw_only=True)
class SourceMissing(ProcessingError):
    """The stored bytes of this file are gone."""

    code, title = "source_missing", "Source is missing"
    advice = "Send the file again."


@dataclass(eq=False, kw_only=True)
class ContentChanged(ProcessingError):
    """The stored bytes are not the bytes that were accepted."""

    code, title = "content_changed", "Content has changed"
    advice = "Send the file again."


def _walk(error: type[ServiceError]) -> list[type[ServiceError]]:
    found = [error] if "code" in vars(error) else []
    for child in error.__subclasses__():
        found += _walk(child)
    return found


CATALOGUE: dict[str, type[ServiceError]] = {error.code: error for error in _walk(ServiceError)}
