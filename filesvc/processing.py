"""Processes one claimed file: check its digest, scan it again when asked, extract its metadata."""

from __future__ import annotations

import hashlib
import time
from typing import BinaryIO

import structlog
from django.db import Error as DatabaseError

from errors import catalogue
from filesvc import claims
from filesvc.blobs import open_blob
from filesvc.claims import Claim
from filesvc.models import File
from filesvc.previews import save_preview
from filesvc.sandbox import Answer, Report, describe_confined
from security.gate_time import in_span
from security.malware import scan_again
from security.signatures import current_scanner
from security.upload import storage_faults

log = structlog.get_logger("processing")

PROGRESS_EVERY_SECONDS = 1.0


def process(held: Claim) -> Answer:
    """What was found out about the file; its preview is kept by then, under this claim's name.

    Raises ClaimLost, SourceMissing, ContentChanged, StorageUnavailable, StorageFull, what a scan
    raises, ProcessorDied, ProcessorCrashed, ProcessingTimeout and what its processor ends in.
    """
    file = held.file
    with open_blob(file.id, file.size_bytes) as source:
        with in_span("processing", "digest"):
            check_unchanged(file, source)
        if file.needs_scan:
            with in_span("processing", "scan"):
                check_scanner()
                held.scan = scan_again(source.fileno())
        with in_span("processing", "describe"):
            answer = describe_confined(file, source, reporter(held))
    if answer.preview is not None and answer.refusal is None:
        save_preview(file.id, held.fence, answer.preview)
    return answer


def check_scanner() -> None:
    """Whether the scanner answers at all: one that does not is away, whichever way it fails.

    One that answers and then fails over a file may do so because of the file. Raises
    ScannerUnavailable.
    """
    try:
        current_scanner()
    except (catalogue.ScannerTimeout, catalogue.ScannerError) as error:
        raise catalogue.ScannerUnavailable(note=error.code) from error


def check_unchanged(file: File, source: BinaryIO) -> None:
    """Scanned bytes = kept bytes = processed bytes (CWE-367).

    Raises ContentChanged, StorageUnavailable.
    """
    with storage_faults():
        digest = hashlib.file_digest(source, "sha256")  # type: ignore[arg-type]  # any open file
    if digest.hexdigest() != file.sha256:
        raise catalogue.ContentChanged()
    source.seek(0)


def reporter(held: Claim, every_seconds: float = PROGRESS_EVERY_SECONDS) -> Report:
    """Writes progress into the row, at most once a second and not in the first.

    What it returns raises ClaimLost when the row is gone or somebody else's: work ends there.
    """
    last = time.monotonic()

    def report(stage: str, percent: int) -> None:
        nonlocal last
        if time.monotonic() - last < every_seconds:
            return
        last = time.monotonic()
        try:
            is_held = claims.report_progress(held, stage, percent)
        except DatabaseError as error:  # work goes on without being watched
            log.warning("progress.not_written", error=type(error).__name__)
            return
        if not is_held:
            raise claims.ClaimLost

    return report
