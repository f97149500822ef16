"""Any request a client can send, as a hypothesis strategy, with a plant that must not come back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from tests import samples
from tests.client import BOUNDARY, file_part, form, text_part
from tests.errors.requests import BAD_CONTENT_TYPE

FORM = f"multipart/form-data; boundary={BOUNDARY}"
# Shapes a name, a digest, an id, a request id and an HTML page accept.
PLANTS = st.one_of(
    st.text("BCDFGHJKLMNPQRSTVWXZ0123456789", min_size=10, max_size=30),
    st.text("0123456789abcdef", min_size=32, max_size=32),
    st.uuids().map(str),
    st.just("<script>alert(1)</script>"),
)
ODD = st.text(st.characters(max_codepoint=255), max_size=40)
METHODS = st.sampled_from(
    [
        *("GET", "GET", "GET", "POST", "POST", "HEAD", "DELETE", "PUT", "PATCH", "OPTIONS"),
        *("TRACE", "CONNECT", "get", "PROPFIND", "{plant}", "\u00e9", ""),
    ]
)
SEGMENTS = st.sampled_from(
    [
        *("files", "upload", "policy", "problems", "health", "live", "ready", "schema", "docs"),
        *(
            "metrics",
            "content",
            "preview",
            "reprocess",
            "..",
            ".",
            "",
            "%00",
            "file_too_large",
            "{id}",
            "{plant}",
        ),
    ]
)
PATHS = st.one_of(
    st.sampled_from(
        [
            *("/", "/upload/", "/upload", "/files/", "/files/{id}/", "/files/{id}/content/"),
            *("/files/{plant}/", "/files/{plant}/content/", "/policy/", "/problems/"),
            *("/files/{id}/preview/", "/files/{id}/reprocess/", "/files/{plant}/reprocess/"),
            *("/problems/{plant}/", "/schema/", "/docs/", "/metrics", "/health/live", "*"),
        ]
    ),
    st.lists(SEGMENTS | ODD.map(quote), max_size=5).map(lambda parts: "/" + "/".join(parts)),
)
NAMES = st.sampled_from(
    [
        *("page_size", "cursor", "processed", "status", "media_type", "uploaded_after"),
        *("uploaded_before", "sha256", "format", "{plant}", "", "page_size%00"),
    ]
)
VALUES = st.sampled_from(
    ["1", "0", "-1", "200", "true", "queued", "n" + "0" * 32, "2026-01-31T12:00:00Z", "{plant}"]
) | ODD.map(quote)
QUERIES = st.one_of(
    st.just(""),
    st.lists(st.tuples(NAMES, VALUES), max_size=4).map(
        lambda pairs: "?" + "&".join(f"{name}={value}" for name, value in pairs)
    ),
    st.sampled_from(["?page_size=1", "?" + "a=1&" * 1001, "?" + "{plant}" * 900]),
)
TYPICAL = {
    "Accept": ("*/*", "text/html", "application/problem+json", "{plant}/{plant}", ""),
    "Accept-Encoding": ("gzip", "identity;q=0"),
    "Authorization": ("Bearer {plant}", "Basic {plant}", "Bearer", "", "Bearer \u00e9{plant}"),
    "Content-Encoding": ("gzip", "identity", ""),
    "Content-Digest": ("sha-256=:{plant}:", ""),
    "Cookie": ("sessionid={plant}; csrftoken={plant}",),
    "Expect": ("100-continue", "{plant}"),
    "Host": ("testserver", "evil.example", "{plant}", "", "testserver:99999", "[::1"),
    "Idempotency-Key": ('"0123456789abcdef"', "{plant}", ""),
    "If-Match": ('"{plant}"',),
    "If-Modified-Since": ("Thu, 01 Jan 1970 00:00:00 GMT", "{plant}"),
    "If-None-Match": ("*", '"{plant}"', "W/"),
    "If-Range": ('"{plant}"',),
    "Origin": ("https://evil.example", "null"),
    "Range": ("bytes=0-1", "bytes=9-", "bytes=-1", "bytes=5-2", "{plant}=0-1", "bytes=" + "9" * 30),
    "Transfer-Encoding": ("chunked", "gzip, chunked", "{plant}"),
    "X-Forwarded-For": ("203.0.113.9", "{plant}"),
    "X-Forwarded-Host": ("evil.example",),
    "X-HTTP-Method-Override": ("DELETE",),
    "X-Request-ID": ("{plant}",),
}
CONTENT_TYPES = st.one_of(
    st.just(FORM),
    st.sampled_from(
        [
            *(f"{FORM}; charset=utf-16", "multipart/form-data", "multipart/form-data; boundary="),
            *("multipart/form-data; boundary={plant}", "application/json", "{plant}/{plant}", ""),
            *("text/plain; charset={plant}", "text/plain; charset=idna", BAD_CONTENT_TYPE),
        ]
    ),
    ODD,
)
FILES = st.builds(
    file_part,
    st.sampled_from([b"hello", b"", b"{plant}", samples.EICAR, samples.image("PNG")]),
    st.sampled_from(["note.txt", "a.png", "{plant}.txt", "{plant}", "..", "\u00e9.md"]),
    st.sampled_from(["text/plain", "{plant}/{plant}", None]),
)
PARTS = st.one_of(
    FILES,
    st.builds(text_part, st.sampled_from(["sha256", "file", "{plant}"]), st.just("{plant}")),
    st.tuples(st.just("{plant}: {plant}"), st.binary(max_size=10)),
)


@dataclass(frozen=True)
class AnyRequest:
    """One request. `{plant}` is filled in already, `{id}` is left for an existing file."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    environ: dict[str, Any]
    plant: str
    client: str


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Mostly a form, or a form in which a few bytes went wrong; else nothing, or random bytes."""
    whole = form(draw(FILES), *draw(st.lists(PARTS, max_size=1)))
    kind = draw(st.sampled_from(["whole"] * 4 + ["parts", "wrong", "wrong", "empty", "random"]))
    if kind == "parts":
        return form(*draw(st.lists(PARTS, max_size=3)))
    if kind == "wrong":
        at, length = draw(st.integers(0, len(whole))), draw(st.integers(0, 12))
        return whole[:at] + draw(st.binary(max_size=6)) + whole[at + length :]
    return {"whole": whole, "empty": b"", "random": draw(st.binary(max_size=80))}[kind]


@st.composite
def header_fields(draw: st.DrawFn) -> dict[str, str]:
    """Real names, with values that mean something there or nothing at all."""
    most = draw(st.sampled_from([0, 0, 1, 3]))
    names = draw(st.lists(st.sampled_from(sorted(TYPICAL)), unique=True, max_size=most))
    return {name: draw(st.sampled_from(TYPICAL[name]) | ODD) for name in names}


@st.composite
def any_requests(draw: st.DrawFn) -> AnyRequest:
    """Mostly what a client sends, often a little wrong; every second one is an upload."""
    plant = draw(PLANTS)
    is_upload = draw(st.booleans())
    method = "POST" if is_upload else draw(METHODS)
    target = "/upload/" if is_upload else draw(PATHS) + draw(QUERIES)
    body = draw(bodies()).replace(b"{plant}", plant.encode("latin-1"))
    environ: dict[str, Any] = {}
    if is_upload or draw(st.integers(0, 3)) == 3:
        environ["CONTENT_TYPE"] = (FORM if is_upload else draw(CONTENT_TYPES)).replace(
            "{plant}", plant
        )
    if draw(st.integers(0, 9)) == 9:
        lengths = ["-1", "nine", "9" * 30, "+5", "5", "", str(len(body) + 5), None, plant]
        environ["CONTENT_LENGTH"] = draw(st.sampled_from(lengths))
    headers = {
        name: value.replace("{plant}", plant) for name, value in draw(header_fields()).items()
    }
    return AnyRequest(
        method.replace("{plant}", plant),
        target.replace("{plant}", quote(plant)),
        headers,
        body,
        environ,
        plant,
        draw(st.sampled_from(["alice", "alice", "alice", "reader", "admin", "nobody"])),
    )
