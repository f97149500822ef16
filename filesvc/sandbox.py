"""Has a file parsed by a confined process, which can do no harm even if the file takes it over.

One such process serves this one, a file at a time; it is replaced after many files or minutes,
and at once after any that it did not survive. Its answers are checked like a stranger's.
"""

from __future__ import annotations

import atexit
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Any, BinaryIO

from django.conf import settings
from pydantic import ValidationError

from errors import catalogue
from errors.base import ServiceError
from filesvc.deadlines import FRAME_SECONDS, SANDBOX_START_SECONDS
from filesvc.frames import Question, Told, ToldError
from filesvc.models import File

PROGRAM = "filesvc.confined"
STOP_SECONDS = 5.0
# As `Connection.send_bytes` has it on the other side.
FRAME_LENGTH = struct.Struct("!i")
MAX_ANSWER_BYTES = 1024 * 1024
# A process that was taken over can lie about those that come after, within the forms. Its start
# costs 0.4 s of a processor: at 200 files each that was 2 of 13 ms a small file took (measured).
MAX_FILES = 1000
MAX_AGE_SECONDS = 600.0
# What a processor may end in; a process that was taken over cannot name another.
ENDS_IN = (
    catalogue.CorruptContent,
    catalogue.EncryptedContent,
    catalogue.ActiveContent,
    catalogue.ArchiveLimitsExceeded,
    catalogue.ArchiveUnsafeEntry,
    catalogue.ImageLimitsExceeded,
    catalogue.AmbiguousContent,
    catalogue.ContentMismatch,
    catalogue.InspectionFailed,
)

Report = Callable[[str, int], None]


class ProcessorDied(Exception):
    """The process ended before it answered: crashed, killed or out of memory."""


class ProcessorCrashed(Exception):
    """A processor raised what it should not; the text is its traceback."""


@dataclass(frozen=True)
class Answer:
    """What the process found out, checked."""

    metadata: dict[str, Any]
    preview: bytes | None
    refusal: ServiceError | None


class Sandbox:
    """One confined process and the socket that leads to it."""

    def __init__(self, program: str) -> None:
        """Start it and wait until it is confined.

        Raises ProcessingDependencyUnavailable: no file is opened where nothing can be confined.
        """
        self._channel, theirs = socket.socketpair()
        self._files = 0
        self._old_at = time.monotonic() + MAX_AGE_SECONDS
        with theirs:
            try:
                self._process = start(program, theirs.fileno())
            except OSError as error:
                self._channel.close()
                raise catalogue.ProcessingDependencyUnavailable(note=f"sandbox: {error}") from error
        self._wait_until_confined()

    def _wait_until_confined(self) -> None:
        try:
            if self._receive(time.monotonic() + SANDBOX_START_SECONDS).is_ready:
                return
            raise ProcessorDied("said something else than ready")
        except (ProcessorDied, ProcessorCrashed, catalogue.ProcessingTimeout) as error:
            self.stop()
            raise catalogue.ProcessingDependencyUnavailable(note=f"sandbox: {error}") from error

    @property
    def is_used_up(self) -> bool:
        """True when it has served enough files or for long enough, or is gone."""
        is_old = self._files >= MAX_FILES or time.monotonic() >= self._old_at
        return is_old or self._process.poll() is not None

    def describe(self, file: File, source: BinaryIO, report: Report) -> Answer:
        """What is found out about the open file.

        Raises ProcessorDied, ProcessorCrashed, ProcessingTimeout, and the errors of ENDS_IN.
        After the first three it is not to be used again.
        """
        self._files += 1
        deadline = time.monotonic() + settings.PROCESSING_TIMEOUT_SECONDS
        self._ask(file, source)
        while (told := self._receive(deadline)).progress:
            report(*told.progress)
        preview = self._receive_bytes(deadline) if told.has_preview else None
        return read_answer(told, preview)

    def stop(self) -> None:
        """End it, whatever it is doing."""
        self._channel.close()
        self._process.kill()
        self._process.wait(STOP_SECONDS)

    def _ask(self, file: File, source: BinaryIO) -> None:
        question = Question(
            media_type=file.media_type, size_bytes=file.size_bytes, sha256=file.sha256
        )
        try:
            asked = question.model_dump_json().encode()
            socket.send_fds(self._channel, [asked], [source.fileno()])
        except OSError as error:
            raise ProcessorDied(self._how_it_ended()) from error

    def _receive(self, deadline: float) -> Told:
        try:
            return Told.model_validate_json(self._receive_bytes(deadline))
        except ValidationError as error:
            raise ProcessorCrashed(f"an answer without a form: {error.error_count()}") from None

    def _receive_bytes(self, deadline: float) -> bytes:
        """The next frame, which must begin before the deadline."""
        left = deadline - time.monotonic()
        if left <= 0 or not wait([self._channel], left):
            raise catalogue.ProcessingTimeout()
        end = time.monotonic() + FRAME_SECONDS
        (length,) = FRAME_LENGTH.unpack(self._read(FRAME_LENGTH.size, end))
        if not 0 <= length <= MAX_ANSWER_BYTES:
            raise ProcessorCrashed(f"an answer of {length} bytes")
        return self._read(length, end)

    def _read(self, length: int, end: float) -> bytes:
        received = bytearray()
        while len(received) < length:
            if (left := end - time.monotonic()) <= 0:
                raise ProcessorDied("stopped answering")
            self._channel.settimeout(left)
            try:
                piece = self._channel.recv(length - len(received))
            except TimeoutError:
                continue
            except OSError:
                piece = b""
            if not piece:
                raise ProcessorDied(self._how_it_ended())
            received += piece
        return bytes(received)

    def _how_it_ended(self) -> str:
        try:
            return f"exit status {self._process.wait(STOP_SECONDS)}"
        except subprocess.TimeoutExpired:
            return "stopped answering"


def read_answer(told: Told, preview: bytes | None) -> Answer:
    """What was found, or the error that was told.

    Raises ProcessorCrashed, and the errors of ENDS_IN.
    """
    if told.error:
        raise rebuild_error(told.error)
    if told.metadata is None:
        raise ProcessorCrashed(told.crash or "an answer that says nothing")
    if preview is not None and not is_preview(preview):
        raise ProcessorCrashed("a preview that is none")
    refusal = rebuild_error(told.refusal) if told.refusal else None
    return Answer(told.metadata.model_dump(), preview, refusal)


def is_preview(picture: bytes) -> bool:
    """True for what at least begins as a WebP does (RFC 9649)."""
    return picture[:4] == b"RIFF" and picture[8:12] == b"WEBP"


def rebuild_error(told: ToldError) -> ServiceError:
    """The error a processor named.

    Raises ProcessorCrashed for one that no processor may end in.
    """
    types = {name: type(value).__name__ for name, value in told.meta.items()}
    for error in ENDS_IN:
        if (error.code, error.meta_types()) == (told.code, types):
            return error(note=told.note, **told.meta)
    raise ProcessorCrashed("ended in an unknown error")


def start(program: str, descriptor: int) -> subprocess.Popen[bytes]:
    """The process, with this one descriptor and without our environment, which has secrets."""
    command = [sys.executable, "-m", program, str(descriptor)]
    return subprocess.Popen(  # noqa: S603 - our own program
        [*command, str(settings.PROCESSING_MEMORY_BYTES)],
        pass_fds=[descriptor],
        cwd=settings.BASE_DIR,
        env={"LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )


_sandbox: Sandbox | None = None


def describe_confined(file: File, source: BinaryIO, report: Report) -> Answer:
    """What is found out about the open file, by the confined process of this worker.

    Raises ProcessorDied, ProcessorCrashed, ProcessingTimeout, and the errors of ENDS_IN.
    """
    global _sandbox
    if _sandbox is None or _sandbox.is_used_up:
        stop_sandbox()
        _sandbox = Sandbox(PROGRAM)
    try:
        return _sandbox.describe(file, source, report)
    except ServiceError as error:
        if isinstance(error, catalogue.ProcessingTimeout):
            stop_sandbox()
        raise
    except BaseException:  # also a time limit of Celery: it may still be at work
        stop_sandbox()
        raise


@atexit.register
def stop_sandbox() -> None:
    """End the confined process of this worker, if there is one."""
    global _sandbox
    if _sandbox is not None:
        _sandbox.stop()
        _sandbox = None
