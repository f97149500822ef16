"""Stores a repeated upload once: its Idempotency-Key is claimed before the body is read.

Answered in the transaction that keeps the file, given back by whatever else happens
(draft-ietf-httpapi-idempotency-key-header).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import Error as DatabaseError
from rest_framework.request import Request

from errors import catalogue
from errors.base import ServiceError
from errors.handler import request_id_of
from errors.problem import build_problem
from filesvc.keys import answer_key, claim_key, give_back, leave_broken_connection
from filesvc.models import File, IdempotencyKey
from security.upload import StagedUpload

log = structlog.get_logger("idempotency")

HEADER = "Idempotency-Key"
# No blank, comma, quote or backslash: a repeated header, which arrives joined by a comma, is
# no key, and the quoted form needs no escapes.
KEY_PATTERN = "[A-Za-z0-9._~:+/=-]{16,128}"
_KEY = re.compile(f'"(?P<quoted>{KEY_PATTERN})"|(?P<bare>{KEY_PATTERN})', re.ASCII)
KEPT_REFUSALS = (415, 422)


@dataclass(frozen=True)
class Accepted:
    """What an accepted upload is answered with: the File as JSON, and where it is."""

    told: dict[str, Any]
    path: str

    @classmethod
    def at(cls, file_id: uuid.UUID | None, told: dict[str, Any]) -> Accepted:
        """The answer for the file of that id, whether it still exists or not."""
        return cls(told, File(id=file_id).path)


class HeldKey:
    """What this request has of its key: a claim, or an earlier answer; without a key, nothing."""

    def __init__(self, request: Request, row: IdempotencyKey | None) -> None:
        self._request = request
        self._row = row
        self._fingerprint = ""

    @property
    def is_answered(self) -> bool:
        """True when there is an answer already, whoever may have it."""
        return self._row is not None and self._row.status is not None

    def answer_to(self, upload: StagedUpload) -> Accepted | None:
        """The earlier answer, when this is the same request again; None when it is the first.

        Raises IdempotencyKeyReused, or the refusal that was the answer.
        """
        if self._row is None:
            return None
        self._fingerprint = fingerprint_of(upload)
        if not self.is_answered:
            return None
        if self._row.fingerprint != self._fingerprint:
            raise catalogue.IdempotencyKeyReused()
        self._request._request.META["filesvc.replayed"] = True
        told = json.loads(self._row.body)
        if self._row.status in KEPT_REFUSALS:
            raise rebuild_refusal(told)
        log.info("upload.replayed", file_id=str(self._row.file_id))
        return Accepted.at(self._row.file_id, told)

    def keep_accepted(self, file: File, told: dict[str, Any]) -> None:
        """The 201; must run in the transaction that inserts the file.

        Raises IdempotencyKeyInProgress when this request outlived its lease and another one
        has taken the key over: the file is that one's to keep.
        """
        if self._row is not None and not self._answer(201, told, file.id):
            raise catalogue.IdempotencyKeyInProgress(note="taken over")

    def let_go(self, error: BaseException) -> None:
        """What ended the request is its answer, or no answer at all; then the key is free."""
        if self._row is None or self.is_answered:
            return
        try:
            leave_broken_connection()
            if isinstance(error, ServiceError) and self._is_kept(error):
                problem = build_problem(error, request_id_of(self._request._request))
                self._answer(error.status, problem, None)
            else:
                give_back(self._row)
        except DatabaseError as fault:
            log.warning("key.left_to_lease", error=type(fault).__name__)

    def _is_kept(self, error: ServiceError) -> bool:
        """Only what was decided on the whole of a request whose fingerprint is known."""
        return bool(self._fingerprint) and error.status in KEPT_REFUSALS

    def _answer(self, status: int, told: dict[str, Any], file_id: uuid.UUID | None) -> bool:
        return self._row is not None and answer_key(
            self._row,
            status=status,
            body=json.dumps(told),
            fingerprint=self._fingerprint,
            file_id=file_id,
        )


@contextlib.contextmanager
def hold_key(request: Request) -> Iterator[HeldKey]:
    """Hold the key of the request, if it has one, before its body is read.

    Raises IdempotencyKeyInvalid, IdempotencyKeyInProgress, DatabaseUnavailable.
    """
    key = read_key(request)
    held = HeldKey(request, claim_key(request, key) if key else None)
    try:
        yield held
    except BaseException as error:
        held.let_go(error)
        raise


def read_key(request: Request) -> str | None:
    """The key itself, bare or as a quoted string (RFC 9651); None without the header.

    The server hands a value over as empty when it has bytes beyond ASCII (measured).
    Raises IdempotencyKeyInvalid.
    """
    header = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if header is None:
        return None
    match = _KEY.fullmatch(header.strip(" \t"))
    if match is None:
        raise catalogue.IdempotencyKeyInvalid()
    return match["quoted"] or match["bare"]


def fingerprint_of(upload: StagedUpload) -> str:
    """What makes a request the same: its file's bytes and name, and its fields.

    Not how it is wrapped: a client that tries again draws a new boundary.
    """
    told = json.dumps([upload.sha256, upload.name, sorted(upload.fields.items())])
    return hashlib.sha256(told.encode("ascii")).hexdigest()


def rebuild_refusal(problem: dict[str, Any]) -> ServiceError:
    """The error a kept Problem was made from; a released code keeps its public details."""
    places = tuple((fault["in"], fault["name"]) for fault in problem["errors"])
    return catalogue.CATALOGUE[problem["code"]](places=places, note="replayed", **problem["meta"])
