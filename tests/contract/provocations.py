"""How each code is provoked over HTTP: by a request alone, by limits, or by a broken dependency."""

from __future__ import annotations

import contextlib
import errno
import io
from collections.abc import Callable
from datetime import timedelta

import magic
from django.contrib.auth import get_user_model
from django.utils import timezone

from filesvc.blobs import blob_path
from filesvc.claims import MAX_ATTEMPTS
from filesvc.models import Status
from filesvc.sweeper import sweep_once
from security.concurrency import client_slots, owner_slots
from tests import samples
from tests.client import Answer, form, text_part
from tests.contract.bench import NOTE, Bench
from tests.errors.requests import BAD_CONTENT_TYPE
from tests.files.archives import flat_bomb, rewrite
from tests.files.images import jpeg_header
from tests.files.office import docx
from tests.files.pdfs import encrypted
from tests.filesvc import keying
from tests.security.fake_clamd import FakeClamd, Script

UNKNOWN = "/files/018f2b6e-aaaa-7bbb-8ccc-1234567890ab/"
CODED = f"{NOTE[0]}\r\nContent-Transfer-Encoding: base64"
PNG = samples.image("PNG")
Provocation = Callable[[Bench], Answer]


def with_macros() -> bytes:
    """A text document that carries a VBA project."""
    return rewrite(docx(), replace={"word/vbaProject.bin": b"macros"})


BY_REQUEST: dict[str, Provocation] = {
    "malformed_header": lambda b: b.ask("GET", "/policy/", CONTENT_TYPE=BAD_CONTENT_TYPE),
    "uri_too_long": lambda b: b.ask("GET", "/files/?" + "a" * 9000),
    "headers_too_large": lambda b: b.ask("GET", "/files/", headers={"X-Long": "a" * 17_000}),
    "invalid_host": lambda b: b.ask("GET", "/policy/", HTTP_HOST="evil.example"),
    "suspicious_request": lambda b: b.ask(
        "GET", "/policy/?" + "a&" * 1001, CONTENT_TYPE="text/plain; charset=utf-8"
    ),
    "not_found": lambda b: b.ask("GET", UNKNOWN),
    "method_not_allowed": lambda b: b.ask("PUT", "/upload/"),
    "not_acceptable": lambda b: b.ask("GET", "/files/", headers={"Accept": "image/png"}),
    "invalid_parameter": lambda b: b.ask("GET", "/files/?page_size=0"),
    "authentication_required": lambda b: b.ask("GET", "/files/", token=None),
    "invalid_token": lambda b: b.ask("DELETE", UNKNOWN, token="wrong"),
    "token_expired": lambda b: b.ask(
        "GET", "/files/", token=b.make_token(expiry=timedelta(seconds=-1))
    ),
    "insufficient_scope": lambda b: b.ask("DELETE", UNKNOWN, token=b.make_token(scopes="read")),
    "length_required": lambda b: b.post(NOTE, CONTENT_LENGTH=None),
    "payload_too_large": lambda b: b.post(NOTE, CONTENT_LENGTH=str(10**10)),
    "unsupported_media_type": lambda b: b.post(NOTE, CONTENT_TYPE="application/json"),
    "unsupported_content_encoding": lambda b: b.post(NOTE, HTTP_CONTENT_ENCODING="gzip"),
    "malformed_multipart": lambda b: b.post(body=form(NOTE)[:-9]),
    "incomplete_body": lambda b: b.post(NOTE, stream=io.BytesIO(form(NOTE)[:-9])),
    "too_many_parts": lambda b: b.post(*[NOTE] * 17),
    "too_many_fields": lambda b: b.post(*[text_part("sha256", "x")] * 9),
    "idempotency_key_invalid": lambda b: b.upload(headers=keying.header("short")),
    "missing_file": lambda b: b.post(text_part("sha256", "0" * 64)),
    "multiple_files": lambda b: b.post(NOTE, NOTE),
    "unexpected_part": lambda b: b.post(NOTE, text_part("owner", "bob")),
    "file_part_invalid": lambda b: b.post((CODED, b"aGVsbG8=")),
    "validation_failed": lambda b: b.upload(fields={"sha256": "no digest"}),
    "digest_mismatch": lambda b: b.upload(fields={"sha256": "0" * 64}),
    "filename_missing": lambda b: b.upload(name=".."),
    "filename_too_long": lambda b: b.upload(name="a" * 252 + ".txt"),
    "filename_invalid": lambda b: b.upload(name="../a.txt"),
    "extension_not_allowed": lambda b: b.upload(name="a.exe"),
    "empty_file": lambda b: b.upload(b""),
    "unsupported_file_type": lambda b: b.upload(b"<!doctype html><html><p>"),
    "content_mismatch": lambda b: b.upload(PNG, "a.txt"),
    "malware_detected": lambda b: b.upload(samples.EICAR),
    "range_not_satisfiable": lambda b: b.ask(
        "GET",
        f"{b.make_file(status=Status.PROCESSED).path}content/",
        headers={"Range": "bytes=99-"},
    ),
    "file_not_ready": lambda b: b.ask("GET", f"{b.make_file().path}content/"),
    "state_conflict": lambda b: b.ask("GET", f"{b.make_file(status=Status.FAILED).path}content/"),
    "file_quarantined": lambda b: b.ask(
        "GET", f"{b.make_file(status=Status.QUARANTINED).path}content/"
    ),
}


def upload_archive(b: Bench, content: bytes) -> Answer:
    """Archives are taken only where the settings say so."""
    b.settings.ALLOWED_TYPES = ["application/zip"]
    return b.upload(content, "a.zip")


BY_STRUCTURE: dict[str, Provocation] = {
    "corrupt_content": lambda b: b.upload(PNG[:40], "a.png"),
    "ambiguous_content": lambda b: b.upload(PNG + samples.archive({"a": "b"}), "a.png"),
    "image_limits_exceeded": lambda b: b.upload(jpeg_header(60_000, 60_000), "a.jpg"),
    "encrypted_content": lambda b: b.upload(encrypted(), "a.pdf"),
    "active_content": lambda b: b.upload(with_macros(), "a.docx"),
    "archive_limits_exceeded": lambda b: upload_archive(b, flat_bomb()),
    "archive_unsafe_entry": lambda b: upload_archive(b, samples.archive({"../a": "b"})),
}

BY_VERDICT: dict[str, Provocation] = {
    "scan_incomplete": lambda b: b.upload_told(
        b"stream: Heuristics.Limits.Exceeded.MaxScanTime FOUND\0"
    ),
    "scan_size_exceeded": lambda b: b.upload_told(b"INSTREAM size limit exceeded. ERROR\0"),
    "scanner_error": lambda b: b.upload_told(b"stream: OK OK\0"),
}


def rate_limited(b: Bench) -> Answer:
    b.settings.UPLOAD_RATE = "1/d"
    b.upload()
    return b.upload()


def idempotency_key_in_progress(b: Bench) -> Answer:
    keying.claim(owner="alice")
    return b.upload(headers=keying.header())


def idempotency_key_reused(b: Bench) -> Answer:
    b.upload(headers=keying.header())
    return b.upload(b"hallo", headers=keying.header())


def quota_exceeded(b: Bench) -> Answer:
    b.settings.QUOTA_FILES_PER_DAY = 1
    b.upload()
    return b.upload()


def storage_quota_exceeded(b: Bench) -> Answer:
    b.settings.QUOTA_STORED_BYTES = 4
    return b.upload()


def concurrency_limited(b: Bench) -> Answer:
    b.settings.MAX_INFLIGHT_UPLOADS = 1
    with owner_slots.take(get_user_model().objects.get(username="alice").pk):
        return b.upload()


def overloaded(b: Bench) -> Answer:
    with contextlib.ExitStack() as taken:
        for _ in range(b.settings.MAX_WAITING_CLIENTS):
            taken.enter_context(client_slots.take())
        return b.upload()


def file_too_large(b: Bench) -> Answer:
    b.settings.MAX_UPLOAD_BYTES = 4
    return b.upload()


def inspection_failed(b: Bench) -> Answer:
    def fail(*args: object) -> str:
        raise magic.MagicException("out of its depth")

    b.patch.setattr(magic.Magic, "from_descriptor", fail)
    return b.upload()


def scanner_unavailable(b: Bench) -> Answer:
    with b.servers["clamd"].stopped():
        return b.upload()


def scanner_timeout(b: Bench) -> Answer:
    b.upload()  # the version of the scanner is known now
    b.settings.SCAN_TIMEOUT_SECONDS = 0.3
    with b.servers["clamd"].frozen():
        return b.upload()


def storage_full(b: Bench) -> Answer:
    b.fail_syscall("fsync", OSError(errno.ENOSPC, "no space"))
    return b.upload()


def storage_unavailable(b: Bench) -> Answer:
    b.fail_syscall("fsync", OSError(errno.EIO, "broken"))
    return b.upload()


def database_unavailable(b: Bench) -> Answer:
    with b.without_database():
        return b.upload()


def service_unavailable(b: Bench) -> Answer:
    with b.servers["clamd"].stopped():
        return b.ask("GET", "/health/ready")


def internal_error(b: Bench) -> Answer:
    b.fail_syscall("fsync", MemoryError("nobody expects this"))
    return b.upload()


def processing_failed(b: Bench) -> Answer:
    return b.described_oddly("crash")


def processing_timeout(b: Bench) -> Answer:
    b.settings.PROCESSING_TIMEOUT_SECONDS = 0.3
    return b.described_oddly("sleep")


def processing_lost(b: Bench) -> Answer:
    lapsed = timezone.now() - timedelta(minutes=1)
    file = b.make_file(status=Status.PROCESSING, attempts=MAX_ATTEMPTS, lease_until=lapsed)
    sweep_once()
    return b.ask("GET", file.path)


def processing_dependency_unavailable(b: Bench) -> Answer:
    scanned_at = timezone.now() - timedelta(minutes=1)
    file = b.make_file(
        attempts=MAX_ATTEMPTS - 1, scanned_at=scanned_at, reprocessed_at=timezone.now()
    )
    with FakeClamd(Script([b"fd[9]: OK"])) as scanner:
        b.settings.CLAMD_ADDRESS = scanner.address
        return b.processed(file)


def source_missing(b: Bench) -> Answer:
    file = b.make_file()
    blob_path(file.id).unlink()
    return b.processed(file)


def content_changed(b: Bench) -> Answer:
    file = b.make_file(b"hello")
    blob_path(file.id).write_bytes(b"hallo")
    return b.processed(file)


BY_FAULT: dict[str, Provocation] = {
    told.__name__: told
    for told in (
        *(idempotency_key_in_progress, idempotency_key_reused),
        *(rate_limited, quota_exceeded, storage_quota_exceeded, concurrency_limited, overloaded),
        *(file_too_large, inspection_failed, scanner_unavailable, scanner_timeout),
        *(storage_full, storage_unavailable, database_unavailable, service_unavailable),
        *(internal_error, processing_failed, processing_timeout, processing_lost),
        *(processing_dependency_unavailable, source_missing, content_changed),
    )
}
TABLES = (BY_REQUEST, BY_STRUCTURE, BY_VERDICT, BY_FAULT)
PROVOKED = {code: provoke for table in TABLES for code, provoke in table.items()}
