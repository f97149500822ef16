"""Which signature set the scanner works with, how old it is, and whether that is enough."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.utils import timezone

from errors import catalogue
from errors.base import ServiceError
from security.clamd_client import ClamdClient, scanner_faults

TEST_ONLY = "test-only"
MAX_AGE = timedelta(days=7)
VERSION_SECONDS = 2.0
REMEMBERED_SECONDS = 10.0
FAILURE_SECONDS = 1.0
# "ClamAV 1.4.6/27456/Mon Nov 10 09:12:01 2025" with the official set, "ClamAV 1.4.6" without.
_VERSION = re.compile(r"(?P<engine>ClamAV [0-9][\w.+-]*)(?:/(?P<number>[0-9]+)/(?P<date>.+))?")


@dataclass(frozen=True)
class Scanner:
    """What clamd says of itself. `updated_at` is None for the bundled test set."""

    engine: str
    signatures: str
    updated_at: datetime | None

    @property
    def age(self) -> timedelta | None:
        """How old the official set is."""
        return None if self.updated_at is None else timezone.now() - self.updated_at


_lock = threading.Lock()
_remembered: tuple[float, Scanner | ServiceError] | None = None


def current_scanner() -> Scanner:
    """The scanner as it was at most ten seconds ago; a failure is believed for one second.

    Without that memory every caller waits for a scanner that hangs (measured: a public page
    fell from 5610 to 112 answers). Raises ScannerUnavailable, ScannerTimeout, ScannerError.
    """
    known = _recall()
    if known is None:
        known = _ask_or_fail()
        _remember(known)
    if isinstance(known, ServiceError):
        raise type(known)(note=known.note)
    return known


def _ask_or_fail() -> Scanner | ServiceError:
    try:
        return ask_version()
    except ServiceError as error:
        return error


def _recall() -> Scanner | ServiceError | None:
    with _lock:
        if _remembered is None:
            return None
        moment, known = _remembered
    good_for = FAILURE_SECONDS if isinstance(known, ServiceError) else REMEMBERED_SECONDS
    return known if time.monotonic() - moment < good_for else None


def _remember(known: Scanner | ServiceError) -> None:
    global _remembered
    with _lock:
        _remembered = time.monotonic(), known


def ask_version() -> Scanner:
    """The scanner as it is now.

    Raises ScannerUnavailable, ScannerTimeout, ScannerError.
    """
    with scanner_faults():
        reply = ClamdClient(settings.CLAMD_ADDRESS, VERSION_SECONDS).version()
    return parse_version(reply)


def parse_version(reply: str) -> Scanner:
    """Raises ScannerError for anything that is not a version line."""
    match = _VERSION.fullmatch(reply.strip())
    if not match:
        raise catalogue.ScannerError(note="version line")
    if match["number"] is None:
        return Scanner(match["engine"], TEST_ONLY, None)
    try:
        updated_at = datetime.strptime(match["date"], "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
    except ValueError as error:
        raise catalogue.ScannerError(note="version date") from error
    return Scanner(match["engine"], match["number"], updated_at)


def check_signatures(scanner: Scanner) -> None:
    """Raises ScannerUnavailable for a set that is too old, or a test set where that is refused."""
    if scanner.signatures == TEST_ONLY and settings.REQUIRE_OFFICIAL_SIGNATURES:
        raise catalogue.ScannerUnavailable(note="test signatures only")
    if scanner.age is not None and scanner.age > MAX_AGE:
        raise catalogue.ScannerUnavailable(note="signatures are stale")
