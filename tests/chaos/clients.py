"""Clients that behave as the contract asks: they send, wait, try again, read and delete."""

from __future__ import annotations

import base64
import hashlib
import random
import threading
import time
import uuid
from dataclasses import dataclass

import requests
import urllib3

from tests.chaos.ledger import Ledger, Sent, read_problem
from tests.chaos.uploads import Sample, make_sample

ANSWER_SECONDS = 75.0  # above the edge's own patience
PENDING = 12
LOST_CONTACT_SECONDS = 0.5
PAUSE_SECONDS = 0.25


@dataclass
class Due:
    """A try that is to be made, not before its time."""

    sent: Sent
    at: float


class Client:
    """One client with a token of its own; `run` is the body of its thread."""

    def __init__(self, name: str, url: str, token: str, ledger: Ledger, seed: str) -> None:
        self.name = name
        self._url, self._token = url, token
        self._ledger = ledger
        self._chance = random.Random(seed)  # noqa: S311 - to be repeated
        self._session = requests.Session()
        self._pending: list[Due] = []
        self._kept: list[Sent] = []
        self._number = 0
        self.stop_sending = threading.Event()
        self.stop = threading.Event()
        self.failure: BaseException | None = None

    def run(self) -> None:
        """Send until told not to, then settle what is unsettled, until told to stop."""
        try:
            while not self.stop.is_set():
                self._take_a_turn()
                if self.stop_sending.is_set() and not self._pending:
                    break
        except BaseException as error:
            self.failure = error
            raise
        finally:
            self._session.close()

    def _take_a_turn(self) -> None:
        due = min(self._pending, key=lambda due: due.at, default=None)
        if due and due.at <= time.monotonic():
            self._pending.remove(due)
            self._try(due.sent)
        elif self.stop_sending.is_set() or len(self._pending) >= PENDING:
            self.stop.wait(0.1)
        else:
            self._do_something_new()
            self.stop.wait(self._chance.random() * PAUSE_SECONDS)

    def _do_something_new(self) -> None:
        what = self._chance.random()
        if what < 0.70 or not self._kept:
            self._send_new()
        elif what < 0.93:
            self._download(self._chance.choice(self._kept))
        else:
            self._delete(self._kept.pop(self._chance.randrange(len(self._kept))))

    def _send_new(self) -> None:
        self._number += 1
        sample = make_sample(self._chance, f"{self.name}-{self._number}")
        self._try(self._note_new(sample))

    def _note_new(self, sample: Sample) -> Sent:
        key = (
            str(uuid.UUID(int=self._chance.getrandbits(128)))
            if self._chance.random() < 0.85
            else None
        )
        sent = Sent(self.name, sample.name, sample.content, sample.sha256, sample.refusals, key)
        self._ledger.add(sent)
        return sent

    def _try(self, sent: Sent) -> None:
        """One try; one that may be repeated is put down for later."""
        sent.tries += 1
        answer = self._post(sent)
        if answer is None:
            sent.is_in_doubt = True
            self._try_again(sent, LOST_CONTACT_SECONDS)
        elif answer.status_code == 201:
            self._keep(sent, answer)
        else:
            self._read_refusal(sent, answer)

    def _post(self, sent: Sent) -> requests.Response | None:
        """The upload, with a digest of the file or of the whole form now and then."""
        digest = int(sent.sha256[:2], 16)  # the same at each try: fields are part of the request
        fields = {"sha256": sent.sha256} if digest < 80 else {}
        body, content_type = urllib3.encode_multipart_formdata(
            {**fields, "file": (sent.name, sent.content, "application/octet-stream")}
        )
        headers = {"Content-Type": content_type}
        if digest > 176:
            told = base64.b64encode(hashlib.sha256(body).digest()).decode()
            headers["Content-Digest"] = f"sha-256=:{told}:"
        if sent.key:
            headers["Idempotency-Key"] = sent.key
        return self._ask("upload", "POST", "/upload/", headers=headers, data=body)

    def _keep(self, sent: Sent, answer: requests.Response) -> None:
        told = answer.json()
        is_first = not sent.ids
        sent.ids.add(told["id"])
        sent.acknowledged_at = sent.acknowledged_at or time.monotonic()
        if told["sha256"] != sent.sha256 or told["size"] != len(sent.content):
            self._ledger.complain(f"acknowledged with another digest: {told['id']}")
        if is_first:
            self._kept.append(sent)
            if sent.key and self._chance.random() < 0.05:  # as if the answer had been lost
                self._pending.append(Due(sent, time.monotonic() + self._chance.random() * 5))

    def _read_refusal(self, sent: Sent, answer: requests.Response) -> None:
        problem = read_problem(answer)
        if problem is None or problem["retryable"]:
            self._try_again(sent, (problem or {}).get("retry_after") or 1)
            return
        if not sent.ids:
            sent.refused_as = problem["code"]
        # A full disk may refuse anything, also a request whose answer is known.
        if problem["code"] != "storage_full" and (sent.ids or problem["code"] not in sent.refusals):
            self._ledger.complain(f"{sent.name} refused as {problem['code']}")

    def _try_again(self, sent: Sent, seconds: float) -> None:
        """Without a key only what was refused may be sent again: no answer may be a success."""
        if sent.key or not sent.is_in_doubt:
            self._pending.append(Due(sent, time.monotonic() + seconds))

    def _download(self, sent: Sent) -> None:
        """Bytes that are not the ones sent, or are not to be had, are no weather."""
        answer = self._ask("download", "GET", f"/files/{sent.file_id}/content/")
        if answer is None:
            return
        if answer.status_code == 200:
            sent.downloads += 1
            if answer.content != sent.content:
                self._ledger.complain(f"other bytes than were sent: {sent.file_id}")
        elif answer.status_code == 404:
            self._ledger.complain(f"lost: {sent.file_id} is not found")
        elif answer.status_code in (403, 409) and "file_not_ready" not in answer.text:
            self._ledger.complain(f"{sent.name} is not to be had: {answer.text[:200]}")

    def _delete(self, sent: Sent) -> None:
        """Until it is certain that it is gone."""
        while not self.stop.is_set():
            was_asked, sent.deleted = bool(sent.deleted), "asked"
            answer = self._ask("delete", "DELETE", f"/files/{sent.file_id}/")
            if answer is not None and answer.status_code in (204, 404):
                if answer.status_code == 404 and not was_asked:
                    self._ledger.complain(f"lost: {sent.file_id} was not there to delete")
                sent.deleted = "told"
                return
            self.stop.wait(0.5)

    def _ask(self, what: str, method: str, path: str, **more: object) -> requests.Response | None:
        """One request; None when the contact was lost."""
        began = time.monotonic()
        headers = {"Authorization": f"Bearer {self._token}"} | dict(more.pop("headers", {}) or {})  # type: ignore[call-overload]  # options of several types
        try:
            answer = self._session.request(
                method,
                self._url + path,
                headers=headers,
                timeout=ANSWER_SECONDS,
                **more,  # type: ignore[arg-type]  # options of several types
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError):
            answer = None
        self._ledger.note(what, answer, time.monotonic() - began)
        return answer
