"""The steps of the tour in their order: what is done, what must come of it, what came of it."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from filesvc.tour import files
from filesvc.tour.client import Client, NoTour
from filesvc.tour.files import Sample

MIB = 1024 * 1024
# The sweeper rings again for what waits longer than 30 s; a lost ring is no difference.
PROCESSED_SECONDS = 90.0
POLL_SECONDS = 0.1
MAX_BURST = 5000
NOT_TRIED = "not tried"
TEXT, JPEG, PNG, PDF = "text/plain", "image/jpeg", "image/png", "application/pdf"


@dataclass
class Walk:
    """What the steps share: the client, what the service allows, what was taken in so far."""

    client: Client
    policy: dict[str, Any]
    kept: dict[str, str] = field(default_factory=dict)  # file ids by the name of the sample
    remark: str = ""

    @property
    def largest_bytes(self) -> int:
        """The largest file the service takes."""
        return int(self.policy["max_upload_bytes"])

    @property
    def allowed(self) -> set[str]:
        """The media types the service takes."""
        return {row["media_type"] for row in self.policy["types"]}


@dataclass(frozen=True)
class Step:
    """One thing to do; `needs` names the types that must be allowed for it."""

    title: str
    expected: str
    take: Callable[[Walk], str]
    needs: tuple[str, ...] = (TEXT,)


@dataclass(frozen=True)
class Outcome:
    """What came of a step."""

    step: Step
    actual: str
    milliseconds: int
    remark: str

    @property
    def is_as_expected(self) -> bool:
        """True when there is no difference; what was not tried differs from nothing."""
        return self.actual in (self.step.expected, NOT_TRIED)


def take(step: Step, walk: Walk) -> Outcome:
    """Take one step.

    Raises NoTour when the service does not answer any more.
    """
    missing = sorted(set(step.needs) - walk.allowed)
    if missing:
        return Outcome(step, NOT_TRIED, 0, f"{', '.join(missing)} is not taken here")
    began, waited, walk.remark = time.monotonic(), walk.client.waited_seconds, ""
    actual = step.take(walk)
    spent = time.monotonic() - began - (walk.client.waited_seconds - waited)
    return Outcome(step, actual, round(spent * 1000), walk.remark)


def open_walk(client: Client) -> Walk:
    """Ask who is there and what it allows.

    Raises NoTour for a service that is none of ours, or does not know the token.
    """
    policy = client.ask("GET", "/policy/").json
    if not isinstance(policy, dict) or "max_upload_bytes" not in policy:
        raise NoTour("what answers there is not this service: it has no /policy/")
    known = client.ask("GET", "/files/?page_size=1")
    if known.status != 200:
        raise NoTour(f"the service does not take the token: {known.told}")
    return Walk(client, policy)


def clean_up(walk: Walk) -> None:
    """Remove what the tour has left there; what cannot be removed is left."""
    for file_id in walk.kept.values():
        walk.client.ask("DELETE", f"/files/{file_id}/")
    walk.kept.clear()


def _send(make: Callable[[], Sample]) -> Callable[[Walk], str]:
    """Upload one file, and remember it when it was taken in."""

    def send(walk: Walk) -> str:
        sample = make()
        answer = walk.client.upload(sample)
        if answer.status == 201:
            walk.kept[sample.name] = answer.json["id"]
            scan = answer.json["scan"]
            walk.remark = f"{scan['engine']}, {scan['signatures']}"
        return answer.told

    return send


def _send_larger(by_bytes: int) -> Callable[[Walk], str]:
    def send(walk: Walk) -> str:
        size_bytes = walk.largest_bytes + by_bytes
        walk.remark = f"{size_bytes:,} bytes"
        return walk.client.upload(files.oversize(size_bytes)).told

    return send


def _send_without_token(walk: Walk) -> str:
    return walk.client.upload(files.text(), anonymous=True).told


def _send_twice(walk: Walk) -> str:
    """The same upload again, as after a lost answer: one file, and the first answer."""
    key, sample = secrets.token_hex(16), files.unique()
    first, second = (walk.client.upload(sample, key=key) for _ in range(2))
    if first.status == 201:
        walk.kept[sample.name] = first.json["id"]
    if first.json.get("id") != second.json.get("id"):
        return f"{second.told}, another file"
    replayed = second.headers.get("Idempotency-Replayed")
    walk.remark = f"replayed: {replayed}"
    return f"{second.told}, same file" if replayed == "true" else second.told


def _await(name: str, tell: Callable[[dict[str, Any]], str]) -> Callable[[Walk], str]:
    """Wait until the file is done with; the wait is what is timed."""

    def wait(walk: Walk) -> str:
        if name not in walk.kept:
            return "was not taken in"
        end = time.monotonic() + PROCESSED_SECONDS
        while (file := _ask_for(walk, name)).get("status") in ("queued", "processing"):
            if time.monotonic() > end:
                return f"{file['status']} after {PROCESSED_SECONDS:.0f} s"
            time.sleep(POLL_SECONDS)
        if file.get("status") != "processed":
            return str((file.get("failure") or {}).get("code") or file.get("status"))
        walk.remark = f"attempt {file['attempts']}"
        return f"processed, {tell(file['metadata'])}"

    return wait


def _ask_for(walk: Walk, name: str) -> dict[str, Any]:
    told: dict[str, Any] = walk.client.ask("GET", f"/files/{walk.kept[name]}/").json
    return told


def _read_back(walk: Walk) -> str:
    sample = files.text()
    if sample.name not in walk.kept:
        return "was not taken in"
    answer = walk.client.ask("GET", f"/files/{walk.kept[sample.name]}/content/")
    digest = hashlib.sha256(answer.body).hexdigest()
    walk.remark = str(answer.headers.get("Content-Disposition", "")).partition(";")[0]
    is_same = digest == hashlib.sha256(sample.content).hexdigest()
    return f"{answer.status} same bytes" if is_same else f"{answer.told}, other bytes"


def _delete(walk: Walk) -> str:
    """All the tour has left there; the first answer that is no 204 is told."""
    walk.remark = f"{len(walk.kept)} files"
    answers = [walk.client.ask("DELETE", f"/files/{file_id}/") for file_id in walk.kept.values()]
    walk.kept.clear()
    return next((answer.told for answer in answers if answer.status != 204), "204")


def _burst(walk: Walk) -> str:
    """Upload until the limit says no: not before the window is used up, and not long after."""
    limit = int(walk.policy["rate"]["limit"])
    if limit > MAX_BURST:
        walk.remark = f"{limit:,} uploads per window are allowed"
        return NOT_TRIED
    walk.client.upload(files.empty())
    left = walk.client.window.left if walk.client.window else 0
    # A window may end on the way, and another one begin.
    for sent in range(left + limit + 1):
        answer = walk.client.upload_at_once(files.empty())
        if answer.status == 429:
            wait = answer.headers.get("Retry-After", "nothing")
            walk.remark = f"after {sent} more, wait {wait} s"
            return answer.told if sent >= left else f"{answer.told} after {sent} of {left}"
    return "no limit"


STEPS = (
    Step("clean text", "201 queued", _send(files.text)),
    Step("photo", "201 queued", _send(files.photo), (JPEG,)),
    Step("PDF", "201 queued", _send(files.pdf), (PDF,)),
    Step("text called .png", "422 content_mismatch", _send(files.text_called_picture), (PNG, TEXT)),
    Step("one byte too large", "413 file_too_large", _send_larger(1)),
    Step("5 MiB too large", "413 payload_too_large", _send_larger(5 * MIB)),
    Step("empty file", "422 empty_file", _send(files.empty)),
    Step("malware (EICAR)", "422 malware_detected", _send(files.malware)),
    Step("no token", "401 authentication_required", _send_without_token),
    Step("sent twice, one key", "201 queued, same file", _send_twice),
    Step(
        "text is processed",
        "processed, 9 words",
        _await("note.txt", lambda metadata: f"{metadata.get('words')} words"),
    ),
    Step(
        "photo is processed",
        "processed, 640 × 480",
        _await("photo.jpg", lambda metadata: f"{metadata.get('width')} × {metadata.get('height')}"),
        (JPEG,),
    ),
    Step(
        "PDF is processed",
        "processed, pages: 1",
        _await("report.pdf", lambda metadata: f"pages: {metadata.get('pages')}"),
        (PDF,),
    ),
    Step("text is handed out", "200 same bytes", _read_back),
    Step("all of it is deleted", "204", _delete, ()),
    # Last, because it uses up the window of this token.
    Step("burst of uploads", "429 rate_limited", _burst),
)
