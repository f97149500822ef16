"""What the clients of a run were told: every answer, and what they may rely on."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
import requests

PROBLEM = jsonschema.Draft202012Validator(
    json.loads((Path(__file__).parent.parent / "problem.schema.json").read_text())
)
LOST_CONTACT = "no answer"


@dataclass
class Sent:
    """One upload: what was sent, under which key, and what came of it."""

    owner: str
    name: str
    content: bytes
    sha256: str
    refusals: tuple[str, ...]
    key: str | None
    tries: int = 0
    ids: set[str] = field(default_factory=set)
    refused_as: str = ""
    acknowledged_at: float = 0.0
    # At least one try ended without an answer: what became of it is known to nobody.
    is_in_doubt: bool = False
    deleted: str = ""  # "asked" once it was tried, "told" once it was acknowledged
    downloads: int = 0

    @property
    def file_id(self) -> str:
        """The id it was acknowledged with."""
        return next(iter(self.ids), "")

    @property
    def is_settled(self) -> bool:
        """Whether its client knows what became of it, or may not ask again."""
        return bool(self.ids or self.refused_as) or (self.key is None and self.is_in_doubt)


class Ledger:
    """What was sent and answered, by all clients together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.sent: list[Sent] = []
        self.answers: Counter[str] = Counter()
        self.slowest: dict[str, float] = {}
        self.broken: list[str] = []
        self.accepted_at: list[float] = []

    def add(self, sent: Sent) -> None:
        """One more upload is about to be tried."""
        with self._lock:
            self.sent.append(sent)

    def note(self, what: str, answer: requests.Response | None, seconds: float) -> None:
        """One answer, or None for none; what breaks the contract is kept in words."""
        code = describe(answer)
        fault = find_fault(answer)
        with self._lock:
            self.answers[f"{what} {code}"] += 1
            self.slowest[what] = max(self.slowest.get(what, 0.0), seconds)
            if what == "upload" and code == "201":
                self.accepted_at.append(time.monotonic())
            if fault:
                self.broken.append(f"{what} {code}: {fault}")

    def complain(self, what: str) -> None:
        """Something no answer may do."""
        with self._lock:
            self.broken.append(what)

    def totals(self) -> dict[str, int]:
        """The counts for the progress line."""
        with self._lock:
            acknowledged = sum(bool(sent.ids) for sent in self.sent)
            waiting = sum(not sent.is_settled for sent in self.sent)
            return {
                "tried": len(self.sent),
                "acknowledged": acknowledged,
                "unsettled": waiting,
                "broken": len(self.broken),
            }


def describe(answer: requests.Response | None) -> str:
    """Status, and the code of a refusal."""
    if answer is None:
        return LOST_CONTACT
    code = answer.headers.get("X-Error-Code")
    return f"{answer.status_code} {code}" if code else str(answer.status_code)


def find_fault(answer: requests.Response | None) -> str:
    """What is wrong with an answer that should be a success or a Problem; empty when nothing is."""
    if answer is None or answer.status_code < 400:
        return ""
    problem = read_problem(answer)
    if problem is None or not PROBLEM.is_valid(problem):
        return f"not a Problem: {answer.text[:200]}"
    headers = answer.headers
    told = (str(problem["status"]), problem["code"], problem["request_id"])
    seen = (str(answer.status_code), headers.get("X-Error-Code"), headers.get("X-Request-ID"))
    if told != seen:
        return f"the headers tell something else: {told} {seen}"
    if headers.get("Retry-After") != (
        str(problem["retry_after"]) if problem["retry_after"] else None
    ):
        return "Retry-After is not retry_after"
    return "an unforeseen error" if problem["code"] == "internal_error" else ""


def read_problem(answer: requests.Response) -> dict[str, Any] | None:
    """The Problem of an answer, or None when it is none."""
    if answer.headers.get("Content-Type") != "application/problem+json":
        return None
    try:
        told = answer.json()
    except ValueError:
        return None
    return told if isinstance(told, dict) else None
