"""Speaks HTTP to the service as any client would: a token, a form, an answer in JSON."""

from __future__ import annotations

import json
import re
import secrets
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from filesvc.tour.files import Sample

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 120.0
LONGEST_WINDOW_SECONDS = 300
RATE_LIMITED = 429
# The fields of draft-ietf-httpapi-ratelimit-headers: what is left of the window, and its end.
_RATE_LIMIT = re.compile(r"r=(?P<left>[0-9]+);\s*t=(?P<seconds>[0-9]+)")


class NoTour(Exception):
    """Raised with a sentence for the operator when the tour cannot be taken at all."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: urllib3.HTTPHeaderDict
    body: bytes

    @property
    def json(self) -> Any:
        """The document; an empty one for what is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return {}

    @property
    def told(self) -> str:
        """The status, with the code of a Problem or the state of a File."""
        document = self.json if isinstance(self.json, dict) else {}
        word = document.get("code") or document.get("status") or ""
        return f"{self.status} {word}".strip()


@dataclass(frozen=True)
class Window:
    """What is left of the window in which uploads are counted."""

    left: int
    ends_in_seconds: int


class Client:
    """A client of one service; `tell` is told what is waited for, `waited_seconds` adds it up."""

    def __init__(
        self,
        url: str,
        token: str,
        tell: Callable[[str], None],
        pause: Callable[[float], None] = time.sleep,
        ca_file: Path | None = None,
    ) -> None:
        """With `ca_file` only its certificates are trusted.

        Raises NoTour when it holds none.
        """
        self._url = url.rstrip("/")
        self._token = token
        self._tell = tell
        self._pause = pause
        self._pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=ANSWER_SECONDS),
            retries=False,
            ssl_context=_trusting(ca_file),
        )
        self.window: Window | None = None
        self.waited_seconds = 0.0

    def ask(self, method: str, path: str) -> Answer:
        """One request without a body.

        Raises NoTour when nobody answers.
        """
        return self._send(method, path, self._identity(), None)

    def upload(self, sample: Sample, *, key: str = "", anonymous: bool = False) -> Answer:
        """POST one file; waits for the next window where this one is used up.

        Raises NoTour when nobody answers, or the next window is too far away.
        """
        if self.window and self.window.left == 0:
            self._await_window(self.window.ends_in_seconds)
        answer = self.upload_at_once(sample, key=key, anonymous=anonymous)
        # The first one cannot know: somebody else may have used the token a moment ago.
        if answer.status == RATE_LIMITED and answer.json.get("code") == "rate_limited":
            self._await_window(int(answer.headers.get("Retry-After", "1")))
            answer = self.upload_at_once(sample, key=key, anonymous=anonymous)
        return answer

    def upload_at_once(self, sample: Sample, *, key: str = "", anonymous: bool = False) -> Answer:
        """POST one file, on a connection of its own: a refusal may end it.

        Raises NoTour when nobody answers.
        """
        form = _Form(sample)
        headers = {} if anonymous else self._identity()
        headers |= {"Idempotency-Key": key} if key else {}
        headers |= {"Connection": "close", **form.headers}
        answer = self._send("POST", "/upload/", headers, form.chunks())
        told = _RATE_LIMIT.search(answer.headers.get("RateLimit", ""))
        if told:
            self.window = Window(int(told["left"]), int(told["seconds"]))
        return answer

    def wait(self, seconds: float) -> None:
        """Wait, and have it counted as a wait."""
        self._pause(seconds)
        self.waited_seconds += seconds

    def _await_window(self, seconds: int) -> None:
        if seconds > LONGEST_WINDOW_SECONDS:
            raise NoTour(f"the token may upload again in {seconds} s; take the tour then")
        self._tell(f"the window of this token is used up: waiting {seconds} s for the next")
        self.wait(seconds)
        self.window = None

    def _identity(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def _send(
        self, method: str, path: str, headers: dict[str, str], body: Iterator[bytes] | None
    ) -> Answer:
        try:
            answer = self._pool.request(method, self._url + path, body=body, headers=headers)
        except urllib3.exceptions.SSLError as error:
            raise NoTour(f"{self._url} is not trusted: {error} (--ca FILE names its CA)") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise NoTour(f"{self._url}{path} does not answer: {type(error).__name__}") from error
        return Answer(answer.status, answer.headers, answer.data)


def _trusting(ca_file: Path | None) -> ssl.SSLContext:
    """Who is trusted: the CAs of this machine, or those of the file alone.

    Raises NoTour.
    """
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # ssl's own errors are of this kind too
        raise NoTour(f"{ca_file} holds no CA: {error.strerror or error}") from error


class _Form:
    """A multipart form with one file part, in pieces and with a length."""

    def __init__(self, sample: Sample) -> None:
        boundary = secrets.token_hex(16)
        self._sample = sample
        self._head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; '
            f'filename="{sample.name}"\r\nContent-Type: application/octet-stream\r\n\r\n'
        ).encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        length = len(self._head) + sample.size_bytes + len(self._tail)
        self.headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(length),
        }

    def chunks(self) -> Iterator[bytes]:
        yield self._head
        yield from filter(None, self._sample.chunks())
        yield self._tail
