"""Asks the scanner about two files whose verdict is known: a clean one, and EICAR.

A scanner that answers VERSION may still find nothing, or find everything. Each web process
asks over its own way to the scanner, because that way is what may be broken.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from errors import catalogue
from errors.base import ServiceError
from errors.metrics import CANARY_RIGHT, CANARY_SECONDS
from security.malware import ask_without_turn, check_verdict

log = structlog.get_logger("canary")

EVERY_SECONDS = 60.0
# After a try that brought no word, or a wrong one.
AGAIN_SECONDS = 5.0
STALE_SECONDS = 180.0
SCAN_SECONDS = 10.0
CLEAN = b"Nothing is wrong with this file.\n"
AWAY = (catalogue.ScannerUnavailable, catalogue.ScannerTimeout, catalogue.ScannerError)


def eicar() -> bytes:
    """The harmless file every scanner must find (eicar.org); put together here, stored nowhere."""
    halves = (rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD", rb"-ANTIVIRUS-TEST-FILE!$H+H*")
    return b"".join(halves)


@dataclass(frozen=True)
class Word:
    """What the scanner last said of both files, and when (`time.monotonic`)."""

    is_right: bool
    heard_at: float

    @property
    def age_seconds(self) -> float:
        return time.monotonic() - self.heard_at

    @property
    def is_good(self) -> bool:
        """Right, and heard lately."""
        return self.is_right and self.age_seconds <= STALE_SECONDS


class Canary:
    """The last word, asked for anew when it is due, by one thread at a time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._asking = threading.Lock()
        self._tried_at: float | None = None
        self.word: Word | None = None

    def refresh(self) -> Word | None:
        """The last word; None when there has been none yet.

        A scanner that is away is no word: the last one ages until it is stale.
        """
        # Who comes while another asks takes what is known; the first waits for a first word.
        with_first = self.word is None
        if self._asking.acquire(blocking=with_first, timeout=SCAN_SECONDS if with_first else -1):
            try:
                if self._is_due():
                    self._ask()
            finally:
                self._asking.release()
        return self.word

    def _is_due(self) -> bool:
        if self._tried_at is None:
            return True
        is_well = (
            self.word is not None and self.word.is_right and self.word.heard_at == self._tried_at
        )
        return self._clock() - self._tried_at >= (EVERY_SECONDS if is_well else AGAIN_SECONDS)

    def _ask(self) -> None:
        self._tried_at = self._clock()
        try:
            clean, found = _code_of(CLEAN), _code_of(eicar())
        except AWAY as error:
            log.warning("canary.not_asked", code=error.code, note=error.note)
            return
        right = {"clean": clean is None, "eicar": found == catalogue.MalwareDetected.code}
        for file, is_right in right.items():
            CANARY_RIGHT.labels(file).set(is_right)
            CANARY_SECONDS.labels(file).set(time.time())
        self.word = Word(all(right.values()), self._tried_at)
        if not self.word.is_right:
            log.error("canary.wrong", clean=clean, eicar=found)


def _code_of(content: bytes) -> str | None:
    """The code its scan ends in; None for a clean one.

    Raises ScannerUnavailable, ScannerTimeout, ScannerError.
    """
    with os.fdopen(os.memfd_create("canary", os.MFD_CLOEXEC), "wb", buffering=0) as file:
        file.write(content)
        try:
            # Behind slow scans it would wait until this process is held to be unwell.
            check_verdict(ask_without_turn(file.fileno(), SCAN_SECONDS))
        except AWAY:
            raise
        except ServiceError as error:
            return error.code
    return None


canary = Canary()
# Set by whoever ends the thread that asks (config.wsgi starts it).
process_ends = threading.Event()


def ask_forever(stop: threading.Event, every_seconds: float = AGAIN_SECONDS) -> None:
    """For a thread of its own: asks whenever it is due, until told to stop."""
    while not stop.wait(every_seconds):
        canary.refresh()
