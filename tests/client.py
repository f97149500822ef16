"""Calls the real WSGI application as a server would, and reads its answer."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from tests.reproduce import note_call

Header = tuple[str, str]


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """The error code, or None for an answer that is no error."""
        return self.headers.get("x-error-code")


def call(
    method: str,
    path: str,
    *,
    token: str | None = None,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    stream: Any = None,
    application: Any = None,
    **environ: Any,
) -> Answer:
    """One request through `config.wsgi.application`, guard included, or another one.

    `stream` replaces the body's own stream; `environ` overrides single keys, and a key
    given as None is left out.
    """
    if application is None:
        from config.wsgi import application
    target, _, query = path.partition("?")
    told: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(target).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "testserver",
        "CONTENT_LENGTH": str(len(body)) if body or method == "POST" else None,
        "wsgi.input": stream or io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http",
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if token is not None:
        told["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    for name, value in (headers or {}).items():
        key = name.upper().replace("-", "_")
        told[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    told.update(environ)
    note_call(path, told, body)
    started: list[Any] = []

    def start_response(status: str, sent: list[Header], exc_info: Any = None) -> None:
        started[:] = [int(status.split(" ", 1)[0]), {name.lower(): value for name, value in sent}]

    chunks = application({k: v for k, v in told.items() if v is not None}, start_response)
    try:
        content = b"".join(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
    return Answer(started[0], started[1], content)


BOUNDARY = "filesvc-test-boundary"


def form(*parts: tuple[str, bytes]) -> bytes:
    """A multipart body of parts, each given as its raw header lines and its content."""
    pieces = [f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + content for head, content in parts]
    return b"\r\n".join([*pieces, f"--{BOUNDARY}--\r\n".encode()])


def file_part(
    content: bytes, name: str = "note.txt", claimed: str | None = "text/plain", part: str = "file"
) -> tuple[str, bytes]:
    """The head and content of a file part."""
    head = f'Content-Disposition: form-data; name="{part}"; filename="{name}"'
    return (f"{head}\r\nContent-Type: {claimed}" if claimed else head), content


def text_part(name: str, value: str) -> tuple[str, bytes]:
    """The head and content of a plain field."""
    return f'Content-Disposition: form-data; name="{name}"', value.encode()


def upload(
    token: str | None,
    content: bytes,
    name: str = "note.txt",
    *,
    claimed: str | None = "text/plain",
    fields: dict[str, str] | None = None,
    **more: Any,
) -> Answer:
    """POST one file as a client would."""
    parts = [text_part(key, value) for key, value in (fields or {}).items()]
    return post_form(token, form(file_part(content, name, claimed), *parts), **more)


def post_form(token: str | None, body: bytes, **more: Any) -> Answer:
    """POST a raw multipart body."""
    content_type = f"multipart/form-data; boundary={BOUNDARY}"
    return call(
        "POST", "/upload/", token=token, body=body, **({"CONTENT_TYPE": content_type} | more)
    )
