"""The life of one upload, in the order in which it happens."""

from __future__ import annotations

import time
from typing import Any

import structlog
from rest_framework.request import Request

from errors import catalogue
from errors.handler import request_id_of
from errors.metrics import UPLOAD_BYTES, UPLOADS_UNDER_WAY
from filesvc.blobs import begin_to_promote
from filesvc.deadlines import check_in_time, give_up_at
from filesvc.head_room import check_head_room
from filesvc.idempotency import Accepted, HeldKey, hold_key
from filesvc.quotas import check_quotas
from filesvc.serializers import tell_file
from filesvc.storage import save_file
from security.concurrency import client_slots, owner_slots
from security.content_digest import read_content_digest
from security.filename import check_filename
from security.gate_time import in_gate
from security.malware import scan_for_malware
from security.media_type import identify_type
from security.rate_limit import RateUsage, check_usage, count_upload
from security.receiving import check_upload_headers, receive_upload
from security.size import check_declared_length, check_not_empty, file_bytes_announced
from security.structure import inspect_structure
from security.tokens import token_of
from security.upload import StagedUpload

log = structlog.get_logger("intake")


def admit_client(request: Request) -> RateUsage:
    """Count the request against its token and its address, before a byte of the body is read.

    Raises RateLimited, which carries the same usage in its headers.
    """
    by_token, by_address = count_upload(request._request, token_of(request).digest)
    request._request.META["filesvc.rate_usage"] = by_token
    check_usage(by_token, by_address)
    return by_token


def take_in(request: Request) -> Accepted:
    """Receive, measure, identify, inspect, scan, keep; whatever is wrong raises.

    Nothing of a refused upload is left behind: no row, no bytes, no task.
    """
    check_declared_length(request._request)
    check_upload_headers(request._request)
    content_digest = read_content_digest(request._request)
    owner: Any = request.user
    with hold_key(request) as key:
        announced_bytes = file_bytes_announced(request._request)
        if not key.is_answered:  # what was taken in already takes no second place
            check_quotas(owner, announced_bytes)
        check_head_room(owner, announced_bytes)
        with (
            owner_slots.take(owner.pk),
            client_slots.take(),
            UPLOADS_UNDER_WAY.track_inprogress(),
            receive_upload(request, content_digest) as upload,
        ):
            return key.answer_to(upload) or judge_and_keep(upload, request, key)


def judge_and_keep(upload: StagedUpload, request: Request, key: HeldKey) -> Accepted:
    """The gates, and behind them the file with its answer."""
    received_at = time.monotonic()
    with in_gate("filename"):
        name = check_filename(upload.name)
    check_not_empty(upload.size_bytes)
    with in_gate("media_type"):
        media_type = identify_type(upload, name)
    with in_gate("structure"):
        inspect_structure(upload, media_type)
    begin_to_promote(upload)
    with in_gate("scan"):
        clean = scan_for_malware(upload)
    check_in_time(received_at)
    with in_gate("save"):
        file = save_file(
            clean,
            name=name,
            media_type=media_type,
            owner=request.user,
            request_id=request_id_of(request._request),
            before_commit=lambda file: key.keep_accepted(file, tell_file(file, request)),
            give_up_at=give_up_at(received_at),
        )
    UPLOAD_BYTES.inc(file.size_bytes)
    log.info("upload.accepted", file_id=str(file.id), media_type=media_type)
    return Accepted(tell_file(file, request), file.path)


# Every refusal `take_in` and `admit_client` can end in; the documents are read from here.
INTAKE_ERRORS = (
    catalogue.RateLimited,
    catalogue.LengthRequired,
    catalogue.PayloadTooLarge,
    catalogue.UnsupportedMediaType,
    catalogue.UnsupportedContentEncoding,
    catalogue.IdempotencyKeyInvalid,
    catalogue.IdempotencyKeyInProgress,
    catalogue.IdempotencyKeyReused,
    catalogue.QuotaExceeded,
    catalogue.StorageQuotaExceeded,
    catalogue.ConcurrencyLimited,
    catalogue.Overloaded,
    catalogue.MalformedMultipart,
    catalogue.IncompleteBody,
    catalogue.TooManyParts,
    catalogue.TooManyFields,
    catalogue.MissingFile,
    catalogue.MultipleFiles,
    catalogue.UnexpectedPart,
    catalogue.FilePartInvalid,
    catalogue.FileTooLarge,
    catalogue.ValidationFailed,
    catalogue.DigestMismatch,
    catalogue.EmptyFile,
    catalogue.FilenameMissing,
    catalogue.FilenameTooLong,
    catalogue.FilenameInvalid,
    catalogue.ExtensionNotAllowed,
    catalogue.UnsupportedFileType,
    catalogue.ContentMismatch,
    catalogue.InspectionFailed,
    catalogue.MalwareDetected,
    catalogue.ScanIncomplete,
    catalogue.EncryptedContent,
    catalogue.ActiveContent,
    catalogue.CorruptContent,
    catalogue.AmbiguousContent,
    catalogue.ArchiveLimitsExceeded,
    catalogue.ArchiveUnsafeEntry,
    catalogue.ImageLimitsExceeded,
    catalogue.ScanSizeExceeded,
    catalogue.ScannerUnavailable,
    catalogue.ScannerTimeout,
    catalogue.ScannerError,
    catalogue.StorageFull,
    catalogue.StorageUnavailable,
    catalogue.DatabaseUnavailable,
)
