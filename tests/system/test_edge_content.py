"""Kept bytes come from nginx as they come from the service itself, and to nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import requests

from tests import samples
from tests.system.edge import ITS_ADDRESS, edge
from tests.system.service import Service, bearer, cloned, wait_until

pytestmark = pytest.mark.system

LOCATION = "/__kept/"
# Said by each server for itself.
OWN_HEADERS = {"date", "server", "connection", "keep-alive", "x-request-id"}
CONTENT = bytes(range(32, 127)) * 40
LENGTH = len(CONTENT)
RANGES = [
    *("bytes=0-0", "bytes=6-", "bytes=-7", "bytes=0-", f"bytes=0-{10**6}", f"bytes=-{10**6}"),
    *(f"bytes={LENGTH - 1}-", f"bytes={LENGTH}-", "bytes=9-3", "bytes=-0", "bytes=-", "bytes=x"),
    *("bytes=0-1,3-4", "bytes=0-1, 0-1", "items=0-1", "Bytes=0-1", "bytes= 0-1", "BYTES=0-9"),
    *(
        "bytes=0-9999999999999999999",
        "bytes=0-99999999999999999999999",
        "bytes=0-999999999999999999",
    ),
]
CONDITIONS: list[dict[str, str]] = [
    {},
    *({"Range": text} for text in RANGES),
    *({"If-None-Match": text} for text in ("*", "{etag}", "W/{etag}", '"x", {etag}', '"x"')),
    *({"If-Match": text} for text in ("*", "{etag}", '"x"')),
    *({"If-Range": text, "Range": "bytes=2-5"} for text in ("{etag}", "W/{etag}", '"x"', "x")),
    {"If-Range": "Mon, 23 Nov 2099 00:00:00 GMT", "Range": "bytes=2-5"},
    {"If-Modified-Since": "Mon, 23 Nov 2099 00:00:00 GMT"},
    {"If-Modified-Since": "Mon, 23 Nov 2099 00:00:00 GMT", "If-None-Match": '"x"'},
    {"If-Unmodified-Since": "Mon, 23 Nov 1999 00:00:00 GMT"},
    {"Accept-Encoding": "gzip"},
]


@dataclass
class Front:
    """A service, the nginx before it that reads its store, and two files of one owner."""

    service: Service
    port: int
    token: str
    content: str
    preview: str

    def both(self, path: str, method: str = "GET", **headers: str) -> list[Any]:
        """The answers to one request: through nginx, and of the service itself."""
        told = bearer(self.token) | {"Accept-Encoding": "identity"} | headers
        return [
            requests.request(method, f"http://127.0.0.1:{port}{path}", headers=told, timeout=30)
            for port in (self.port, self.service.port)
        ]


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    """A service that lets nginx send what it keeps."""
    settings = {"ACCEL_LOCATION": LOCATION, "TRUSTED_PROXIES": f"{ITS_ADDRESS}/32"}
    with cloned(**settings) as service:
        service.start()
        with edge(service.port, storage=service.root / "var/storage") as port:
            token = service.issue_token("reader")
            text = service.upload(token, CONTENT, "name \u00e9\u2603.txt").json()
            image = service.upload(token, samples.image("PNG"), "b.png").json()
            for file in (text, image):
                wait_until(partial(is_processed, service, token, file["id"]), 20, "processed")
            preview = f"/files/{image['id']}/preview/"
            yield Front(service, port, token, text["file"], preview)


def is_processed(service: Service, token: str, file_id: str) -> bool:
    """Whether the file may be handed out."""
    return bool(service.get(token, f"/files/{file_id}/").json()["processed"])


def told(answer: Any) -> tuple[int, dict[str, str], bytes]:
    """What a client sees, but for what each server says of itself."""
    headers = {name.lower(): value for name, value in answer.headers.items()}
    assert not [name for name in headers if name.startswith("x-accel")]
    body = answer.content
    if answer.status_code >= 400:  # a Problem repeats its request id
        body = body.replace(answer.headers["X-Request-ID"].encode(), b"")
    return (
        answer.status_code,
        {name: value for name, value in headers.items() if name not in OWN_HEADERS},
        body,
    )


@pytest.mark.parametrize("kind", ["content", "preview"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_every_answer_is_the_same_whoever_sends_the_bytes(
    front: Front, kind: str, method: str
) -> None:
    path = getattr(front, kind)
    etag = front.both(path)[1].headers["ETag"]
    seen = set()

    for headers in CONDITIONS:
        named = {name: text.format(etag=etag) for name, text in headers.items()}
        by_edge, by_service = front.both(path, method, **named)
        assert told(by_edge) == told(by_service), named
        seen.add(by_edge.status_code)

    ranged = kind == "content" and method == "GET"
    assert seen == ({200, 206, 304, 416} if ranged else {200, 304})


def test_it_really_is_nginx_that_sends_them(front: Front) -> None:
    with requests.Session() as session:
        session.mount("http://", FromAddress(ITS_ADDRESS))
        for path, folder in ((front.content, "files"), (front.preview, "previews")):
            for headers in ({}, {"Range": "bytes=2-5"}):
                asked = bearer(front.token) | headers
                handed = session.get(f"{front.service.url}{path}", headers=asked, timeout=10)

                assert handed.content == b""
                assert handed.headers["X-Accel-Redirect"].startswith(f"{LOCATION}{folder}/")


class FromAddress(requests.adapters.HTTPAdapter):
    """Speaks from that address of this machine."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, source_address=(self._address, 0))


def test_nobody_reaches_the_store_past_the_service(front: Front) -> None:
    blobs = [*(front.service.root / "var/storage").glob("*/*/*")]
    assert len(blobs) >= 3

    inside = [str(blob.relative_to(front.service.root / "var/storage")) for blob in blobs]
    tries = [f"{LOCATION}{path}" for path in inside]
    tries += [f"/{LOCATION}{path}" for path in inside]
    tries += [f"{LOCATION}files/../{path}" for path in inside]
    tries += [LOCATION, f"{LOCATION}files/", f"{LOCATION}files../staging/", "/__kept/files%2f"]
    for path in tries:
        prepared = requests.Request(
            "GET", f"http://127.0.0.1:{front.port}/", headers=bearer(front.token)
        ).prepare()
        prepared.url = f"http://127.0.0.1:{front.port}{path}"
        answer = requests.Session().send(prepared, timeout=10)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path


@pytest.mark.parametrize("owner", [None, "stranger"])
def test_whoever_may_not_have_a_file_gets_no_byte_of_it(front: Front, owner: str | None) -> None:
    token = front.service.issue_token(owner) if owner else None

    for path in (front.content, front.preview):
        answer = requests.get(
            f"http://127.0.0.1:{front.port}{path}", headers=bearer(token), timeout=10
        )
        assert answer.status_code == (404 if owner else 401)
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_bytes_that_are_not_as_they_were_are_refused_before_nginx_is_asked(front: Front) -> None:
    created = front.service.upload(front.token, b"short lived", "c.txt").json()
    wait_until(lambda: is_processed(front.service, front.token, created["id"]), 20, "processed")
    blob = next(
        (front.service.root / "var/storage/files").glob(f"*/{created['id'].replace('-', '')}")
    )
    blob.write_bytes(b"cut")

    by_edge, by_service = front.both(created["file"])

    assert told(by_edge) == told(by_service)
    assert (by_edge.status_code, by_edge.json()["code"]) == (503, "storage_unavailable")
