"""The last net, outside Django: limits, a body that counts itself, and a static Problem.

Django builds its request object before any middleware runs, and some headers crash
that constructor; a refusal often leaves before its body was read. Both end here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import structlog
from django.core.exceptions import SuspiciousOperation
from django.core.handlers.wsgi import WSGIRequest

from errors import catalogue
from errors.base import ServiceError
from errors.handler import log_error
from errors.metrics import UPLOADS
from errors.problem import encode_problem, problem_headers

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

UPLOAD = ("POST", "/upload")

# Below the server's own limits, so that the answer is ours (measured: granian 2.8
# answers a 100 KB target and 1 MB of headers itself, with an empty body).
MAX_TARGET_BYTES = 8 * 1024
MAX_HEADERS_BYTES = 16 * 1024
# Python parses these in quadratic time: 16 KB of semicolons took 0.24 s (measured).
MAX_PARSED_HEADER_BYTES = 512
PARSED_HEADERS = ("CONTENT_TYPE", "HTTP_ACCEPT")

# A client that is still sending sees a broken pipe instead of our answer (measured),
# so after an authenticated refusal we read on, up to this much and this often.
MAX_DRAIN_BYTES = 32 * 1024 * 1024
MAX_DRAINS = 4
DRAIN_CHUNK_BYTES = 256 * 1024
_drains = threading.BoundedSemaphore(MAX_DRAINS)


class Readable(Protocol):
    """What we need of `wsgi.input`."""

    def read(self, size: int = -1, /) -> bytes: ...
    def readline(self, size: int = -1, /) -> bytes: ...


class Room(Protocol):
    """How many clients may be waited for at once."""

    def try_take(self) -> bool: ...
    def release(self) -> None: ...


class Entrance(Protocol):
    """How many requests with a body may be under way at once."""

    def take_or_refuse(self) -> None: ...
    def release(self) -> None: ...


class CountedBody:
    """The request body, which knows how much of it was read.

    granian reports a body that was cut short as a plain end (measured), so the
    reader has to compare `read_bytes` with the announced length itself.
    """

    def __init__(self, stream: Readable, announced_bytes: int | None) -> None:
        self._stream = stream
        self.announced_bytes = announced_bytes
        self.read_bytes = 0

    def read(self, size: int = -1) -> bytes:
        chunk = bytes(self._stream.read(size))
        self.read_bytes += len(chunk)
        return chunk

    def readline(self, size: int = -1) -> bytes:
        line = bytes(self._stream.readline(size))
        self.read_bytes += len(line)
        return line

    @property
    def is_unread(self) -> bool:
        """True when bytes of the body may still be on their way."""
        return self.announced_bytes is None or self.read_bytes < self.announced_bytes


class WsgiGuard:
    """Wraps the WSGI application; whatever it raises becomes a static Problem."""

    def __init__(
        self,
        app: Application,
        choose_request_id: Callable[[Environ], str],
        room: Room | None = None,
        entrance: Entrance | None = None,
    ) -> None:
        self._app = app
        self._choose_request_id = choose_request_id
        self._room = room
        self._entrance = entrance

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        environ["filesvc.started"] = time.monotonic()
        environ["filesvc.request_id"] = self._choose_request_id(environ)
        # The thread served others before; what they bound is not this request's to log.
        structlog.contextvars.clear_contextvars()
        body = CountedBody(environ["wsgi.input"], _announced_bytes(environ))
        environ["wsgi.input"] = body
        start = _closing_unread(body, start_response)
        try:
            check_request_line(environ)
            check_request_object(environ)
            self._let_in(environ, body)
            answer = self._app(environ, start)
        except Exception as error:  # noqa: BLE001 - the border: nothing may pass it
            leave(environ)
            refusal = _as_service_error(error)
            count_upload(environ, refusal)
            return _answer_statically(environ, refusal, error, start)
        return _Drained(answer, environ, body, self._room)

    def _let_in(self, environ: Environ, body: CountedBody) -> None:
        """Shed load while that costs next to nothing: no thread waits behind it (SRE book, 21).

        Refused only in the view, 200 clients made /health/live wait 5 s; here it is 0.5 s and a
        refusal takes 0.1 s (measured on two busy cores). Raises Overloaded.
        """
        if self._entrance is not None and body.is_unread:
            self._entrance.take_or_refuse()
            environ["filesvc.leave"] = self._entrance.release


def count_upload(environ: Environ, refusal: ServiceError) -> None:
    """Count an upload that never comes to the view that counts them: an overload ends here."""
    path = environ.get("PATH_INFO", "").removesuffix("/")
    if (environ.get("REQUEST_METHOD"), path) == UPLOAD:
        UPLOADS.labels(refusal.code).inc()


def leave(environ: Environ) -> None:
    """Give the place at the entrance back, once."""
    give_back = environ.pop("filesvc.leave", None)
    if give_back is not None:
        give_back()


def check_request_line(environ: Environ) -> None:
    """Refuse what is too long before Django sees it.

    Raises UriTooLong, HeadersTooLarge.
    """
    target = environ.get("PATH_INFO", "") + environ.get("QUERY_STRING", "")
    if len(target) > MAX_TARGET_BYTES:
        raise catalogue.UriTooLong(max_bytes=MAX_TARGET_BYTES)
    headers = sum(
        len(name) + len(value)
        for name, value in environ.items()
        if name.startswith(("HTTP_", "CONTENT_")) and isinstance(value, str)
    )
    if headers > MAX_HEADERS_BYTES:
        raise catalogue.HeadersTooLarge(max_bytes=MAX_HEADERS_BYTES)
    if any(len(environ.get(name) or "") > MAX_PARSED_HEADER_BYTES for name in PARSED_HEADERS):
        raise catalogue.HeadersTooLarge(max_bytes=MAX_PARSED_HEADER_BYTES)


def check_request_object(environ: Environ) -> None:
    """Build Django's request object once, on a copy: what crashes it is the client's doing.

    Inside Django the crash would be reported as our own. Its charset also decodes the query.
    Raises MalformedHeader, SuspiciousRequest.
    """
    try:
        WSGIRequest(dict(environ))
    except SuspiciousOperation as error:
        raise catalogue.SuspiciousRequest() from error
    except (ValueError, LookupError) as error:
        raise catalogue.MalformedHeader(places=(("header", "Content-Type"),)) from error


def _announced_bytes(environ: Environ) -> int | None:
    """Content-Length, 0 without a body, None when its length is unknown (chunked)."""
    if environ.get("HTTP_TRANSFER_ENCODING"):
        return None
    try:
        return max(0, int(environ.get("CONTENT_LENGTH") or 0))
    except ValueError:
        return 0


def _as_service_error(error: Exception) -> ServiceError:
    if isinstance(error, ServiceError):
        return error
    return catalogue.InternalError(note=type(error).__name__)


def _answer_statically(
    environ: Environ, error: ServiceError, cause: Exception, start_response: StartResponse
) -> list[bytes]:
    request_id = environ["filesvc.request_id"]
    elapsed_ms = round((time.monotonic() - environ["filesvc.started"]) * 1000)
    log_error(error, request_id=request_id, cause=cause, duration_ms=elapsed_ms)
    body = encode_problem(error, request_id)
    headers = problem_headers(error, request_id) | {"Content-Length": str(len(body))}
    start_response(f"{error.status} {error.title}", list(headers.items()))
    return [] if environ.get("REQUEST_METHOD") == "HEAD" else [body]


def _closing_unread(body: CountedBody, start_response: StartResponse) -> StartResponse:
    """Announce the end of the connection when its next bytes would be an unread body."""

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        if status >= "400" and body.is_unread:
            headers = [*headers, ("Connection", "close")]
        return (
            start_response(status, headers, exc_info)
            if exc_info
            else start_response(status, headers)
        )

    return start


class _Drained:
    """The answer; once it is sent, the rest of an allowed body is read and dropped."""

    def __init__(
        self, answer: Iterable[bytes], environ: Environ, body: CountedBody, room: Room | None
    ) -> None:
        self._room = room
        self._answer = answer
        self._environ = environ
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        # The server drops the body of an answer to HEAD only after it has read all of it.
        return iter(() if self._environ.get("REQUEST_METHOD") == "HEAD" else self._answer)

    def close(self) -> None:
        close = getattr(self._answer, "close", None)
        try:
            if close is not None:
                close()
        finally:
            leave(self._environ)
        if self._environ.get("filesvc.drain") and self._body.is_unread:
            self._drain()

    def _drain(self) -> None:
        """Only while the room that uploads share has a place left."""
        if self._room is None:
            drain(self._body)
        elif self._room.try_take():
            try:
                drain(self._body)
            finally:
                self._room.release()


def drain(body: Readable) -> None:
    """Read on for a client that cannot stop sending; never more than a few at a time."""
    if not _drains.acquire(blocking=False):
        return
    try:
        left = MAX_DRAIN_BYTES
        while left > 0 and (chunk := body.read(min(DRAIN_CHUNK_BYTES, left))):
            left -= len(chunk)
    except OSError:
        return  # the client is gone, which is as good
    finally:
        _drains.release()
