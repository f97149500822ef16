"""Any request a client may send: typical, odd, and marked so that an echo is seen."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from tests.client import BOUNDARY, file_part, form, text_part

# Names a charset that does not exist; Django's request object cannot be built from it.
BAD_CONTENT_TYPE = "a/b; x*=bogus'en'%41"
FORM = f"multipart/form-data; boundary={BOUNDARY}"

# What a client sends, in shapes that pass for a name, a digest or an id; none may come back.
MARKS = ("Zq7Xk9VwB3nM5tYc", "f00dfeedc0ffee11" * 4, "018f2b6e-aaaa-7bbb-8ccc-1234567890ab")
TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"))
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "MARKED")
ROUTES: tuple[list[str], ...] = (
    ["files"],
    ["files", MARKS[2]],
    ["files", MARKS[2], "content"],
    ["policy"],
    ["health", "live"],
    ["problems", MARKS[0]],
    [],
)
# Each header with values that mean something there.
HEADERS = {
    "Accept": ("*/*", "text/html", "application/json;q=0", "application/problem+json"),
    "Accept-Encoding": ("gzip",),
    "Authorization": ("Bearer ", "Basic ", "Bearer  x y"),
    "Content-Encoding": ("gzip", "identity"),
    "Cookie": ("sessionid=",),
    "Expect": ("100-continue",),
    "Host": ("testserver", "testserver:8000"),
    "Idempotency-Key": ('"0123456789abcdef"',),
    "If-None-Match": ("*", 'W/"x"'),
    "Range": ("bytes=5-2", "bytes=-"),
    "Transfer-Encoding": ("chunked",),
    "X-Forwarded-For": ("203.0.113.9",),
    "X-HTTP-Method-Override": ("DELETE",),
    "X-Request-ID": ("ab" * 16,),
}
CONTENT_TYPES = (
    FORM,
    "multipart/form-data",
    "multipart/form-data; charset=utf-16; boundary=x",
    "application/json",
    "text/plain; charset=idna",
    BAD_CONTENT_TYPE,
)
QUERIES = ("page_size=", "cursor=n", "sha256=", "status=", "uploaded_after=", "", "&" * 1001)


def marked(*typical: str) -> st.SearchStrategy[str]:
    """One of the typical texts, or odd text, often with a mark in it."""
    pieces = st.sampled_from(MARKS) | TEXT
    odd = st.lists(pieces, max_size=3).map("".join)
    return st.sampled_from(typical) | st.sampled_from(typical).flatmap(
        lambda start: odd.map(lambda end: start + end)
    )


@st.composite
def forms(draw: st.DrawFn) -> bytes:
    """A multipart body, mostly valid."""
    name = draw(marked("note.txt", "note.exe", "", "a.png").map(lambda text: text.replace('"', "")))
    content = draw(marked("", "hello", "%PDF-1.7", "PK\x03\x04")).encode()
    parts = [file_part(content, name, draw(marked("text/plain"))), text_part("sha256", MARKS[1])]
    parts.append(text_part(draw(st.sampled_from(["file", "sha256", MARKS[0]])), MARKS[0]))
    return form(*draw(st.lists(st.sampled_from(parts), max_size=3)))


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, str, dict[str, Any]]:
    """Method, path with its query, and what else `call` takes."""
    names = draw(st.lists(st.sampled_from(sorted(HEADERS)), unique=True, max_size=3))
    more: dict[str, Any] = {"headers": {name: draw(marked(*HEADERS[name])) for name in names}}
    if draw(st.booleans()):
        return "POST", "/upload/", more | {"body": draw(forms()), "CONTENT_TYPE": FORM}
    segments = draw(st.sampled_from(ROUTES) | st.lists(st.sampled_from(MARKS) | TEXT, max_size=4))
    path = "/" + "/".join(quote(text, safe="") for text in segments)
    query = draw(marked(*QUERIES).map(lambda text: quote(text, safe="=&%")))
    more["body"] = draw(st.just(b"") | st.binary() | forms())
    if draw(st.booleans()):
        more["CONTENT_TYPE"] = draw(marked(*CONTENT_TYPES))
    if draw(st.booleans()):
        more["CONTENT_LENGTH"] = draw(st.sampled_from(["-1", "nine", "9" * 30, "+5", "5", None]))
    return draw(st.sampled_from(METHODS)), f"{path}?{query}", more
