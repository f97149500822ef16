"""Any request a client may send: typical, odd, and marked so that an echo is seen."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from tests.client import file_part, form, text_part

# Names a charset that does not exist; Django's request object cannot be built from it.
BAD_CONTENT_TYPE = "a/b; x*=bogus'en'%41"

# What a client sends, in shapes that pass for a name, a digest or an id; none may come back.
MARKS = ("Zq7Xk9VwB3nM5tYc", "f00dfeedc0ffee11" * 4, "018f2b6e-aaaa-7bbb-8ccc-1234567890ab")
TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"))
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "MARKED")
ROUTES: tuple[list[str], ...] = (
    ["upload"],
    ["files"],
    ["files", MARKS[2]],
    ["files", MARKS[2], "content"],
    ["policy"],
    ["health", "live"],
    [],
)
HEADERS = (
    "Accept",
    "Accept-Encoding",
    "Authorization",
    "Content-Encoding",
    "Content-Type",
    "Cookie",
    "Expect",
    "Host",
    "Idempotency-Key",
    "If-None-Match",
    "If-Range",
    "Range",
    "Transfer-Encoding",
    "X-Forwarded-For",
    "X-HTTP-Method-Override",
    "X-Request-ID",
)
TYPICAL = (
    "multipart/form-data; boundary=filesvc-test-boundary",
    "multipart/form-data; charset=utf-16; boundary=x",
    "application/json",
    "*/*",
    "bytes=5-2",
    "chunked",
    "Bearer ",
    "testserver",
    BAD_CONTENT_TYPE,
)


def marked(draw: st.DrawFn) -> str:
    """Typical or odd text, often with a mark in it."""
    pieces = st.sampled_from([*MARKS, *TYPICAL]) | TEXT
    return "".join(draw(st.lists(pieces, max_size=3)))


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, str, dict[str, Any]]:
    """Method, path with its query, and what else `call` takes."""
    segments = draw(st.sampled_from(ROUTES) | st.lists(st.sampled_from(MARKS) | TEXT, max_size=4))
    path = "/" + "/".join(quote(text, safe="") for text in segments)
    query = draw(st.sampled_from(["", "page_size=", "cursor=n", "sha256=", "status="]))
    names = draw(st.lists(st.sampled_from(HEADERS), unique=True, max_size=5))
    parts = [
        file_part(marked(draw).encode(), quote(marked(draw))),
        text_part(quote(marked(draw)), marked(draw)),
    ]
    body = form(*parts[: draw(st.integers(0, 2))]) if draw(st.booleans()) else draw(st.binary())
    more: dict[str, Any] = {
        "headers": {name: marked(draw) for name in names},
        "body": body if draw(st.booleans()) else b"",
    }
    if draw(st.booleans()):
        more["CONTENT_LENGTH"] = draw(st.sampled_from(["-1", "nine", "9" * 30, "+5", "5", None]))
    slash = draw(st.sampled_from(["", "/"]))
    target = f"{path}{slash}?{query}{quote(marked(draw), safe='=&%')}"
    return draw(st.sampled_from(METHODS)), target, more
