"""Closed-loop clients that upload as fast as they are answered, and what they were answered."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

BOUNDARY = "load"
TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class Answered:
    """One answer: status 0 when there was none."""

    status: int
    code: str
    retry_after: int
    seconds: float
    at: float


@dataclass
class Load:
    """So many clients on one port, each of them with one of the tokens."""

    port: int
    tokens: list[str]
    clients: int
    # How much of its Retry-After a refused client waits, at most so long.
    patience_seconds: float = 0.1
    answers: list[Answered] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def running(self) -> Iterator[Load]:
        """The clients come and go on until the end of the context."""
        threads = [
            threading.Thread(target=self._be_client, args=(number,))
            for number in range(self.clients)
        ]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self.stop.set()
            for thread in threads:
                thread.join()

    def run(self, seconds: float) -> Load:
        """For so long."""
        with self.running():
            self.stop.wait(seconds)
        return self

    def _be_client(self, number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)
        token, count = self.tokens[number % len(self.tokens)], 0
        try:
            while not self.stop.is_set():
                count += 1
                answer = self._upload(connection, token, f"{id(self)}-{number}-{count}")
                self.answers.append(answer)
                if answer.status != 201:
                    self.stop.wait(min(answer.retry_after or 1, self.patience_seconds))
        finally:
            connection.close()

    def _upload(self, connection: http.client.HTTPConnection, token: str, mark: str) -> Answered:
        began = time.monotonic()
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
            "Idempotency-Key": f"load-key-{mark}",
        }
        try:
            connection.request("POST", "/upload/", body_of(mark), headers)
            answer = connection.getresponse()
            told = answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            return Answered(0, "", 0, time.monotonic() - began, time.monotonic())
        code = answer.headers.get("X-Error-Code") or ""
        if answer.status >= 400:
            assert json.loads(told)["code"] == code
        retry_after = int(answer.headers.get("Retry-After") or 0)
        ended = time.monotonic()
        return Answered(answer.status, code, retry_after, ended - began, ended)

    def goodput(self, seconds: float) -> float:
        """Uploads taken in, for each second."""
        return sum(answer.status == 201 for answer in self.answers) / seconds

    def counts(self) -> Counter[str]:
        """Answers by status and code."""
        return Counter(f"{answer.status} {answer.code}".strip() for answer in self.answers)


def body_of(mark: str, size_bytes: int = 10_000) -> bytes:
    """A form with one text that nobody sent before."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{mark}.txt"\r\n'
    text = (mark + "\n").encode() * (size_bytes // (len(mark) + 1))
    return (
        f"{head}Content-Type: text/plain\r\n\r\n".encode()
        + text
        + f"\r\n--{BOUNDARY}--\r\n".encode()
    )
