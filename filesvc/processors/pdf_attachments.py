"""Whether an attachment of a PDF is written as plainly as ordinary programs write it.

The scanner finds its way by words in the file's bytes, and follows neither references nor
comments: what only leads it astray (tried) is refused, although PDF readers understand it.
Still accepted, because qpdf writes it: a checksum in hex before the coding, which it misses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

# What stands before a stream takes 300 bytes.
MAX_HEAD_BYTES = 4096
MAX_CODINGS = 2
CODINGS = frozenset(
    b"/" + name
    for name in b"FlateDecode Fl ASCIIHexDecode AHx ASCII85Decode A85 RunLengthDecode RL".split()
)
# Inside the brackets: another opening one, unless a backslash is before it, once.
_STRING = rb"\((?:[^\\()]|\\[\s\S]|\((?:[^\\()]|\\[\s\S])*\))*\)"
_TOKEN = re.compile(
    rb"[ \t\r\n]*(<<|>>|[\[\]]|/[^\x00\s()<>\[\]{}/%]+|<[0-9A-Fa-f \t\r\n]*>|"
    + _STRING
    + rb"|\d+[ \t\r\n]+\d+[ \t\r\n]+R\b|[-+.\d]+|true\b|false\b|null\b)"
)
_STARTS = re.compile(rb"(\d+)[ \t\r\n]+(\d+)[ \t\r\n]+obj")
_CONTENT_BEGINS = re.compile(rb"[ \t\r\n]*stream\r?\n")
# A comment or the rest of an object before this one hides it.
_MAY_PRECEDE = re.compile(rb"(?:endobj|%%EOF|%PDF-\d\.\d[ \t\r\n]+(?:%[\x80-\xff]+)?)[ \t\r\n]*\Z")
_ENDS_EARLY = re.compile(rb"endstream|endobj")
_ENDS = re.compile(rb"[ \t\r\n]*endstream")
_MISLEADING = re.compile(rb"endobj|stream|\sobj|/Image(?![^\s()<>\[\]{}/%])")
_MISLEADING_IN_STRING = re.compile(rb"<<|>>|/Filter|/Length|Decode")
_CLOSED_BY = {b"<<": b">>", b"[": b"]"}


def is_plain(source: BinaryIO, place: tuple[int, int], offset: int, stored_bytes: int) -> bool:
    """Whether the stream `place` that begins at `offset` is told plainly."""
    source.seek(max(0, offset - 64))
    before = source.read(min(64, offset))
    head = source.read(MAX_HEAD_BYTES)
    start = _STARTS.match(head)
    if not _MAY_PRECEDE.search(before) or not start:
        return False
    entries, end = _read_dictionary(head, start.end())
    begins = _CONTENT_BEGINS.match(head, end)
    if (int(start[1]), int(start[2])) != place or not begins:
        return False
    source.seek(offset + begins.end())
    content = source.read(stored_bytes)
    return (
        not _MISLEADING.search(head, start.end(), end)
        and _are_plain(entries)
        and not _ENDS_EARLY.search(content)
        and bool(_ENDS.match(source.read(64)))
    )


def _read_dictionary(head: bytes, at: int) -> tuple[list[list[bytes]], int]:
    """Keys and values by turns, each as its tokens, and the end; nothing for anything unusual."""
    parts: list[list[bytes]] = []
    open_brackets: list[bytes] = []
    for token, end in _tokens(head, at):
        if open_brackets and token == open_brackets[-1]:
            open_brackets.pop()
            if not open_brackets:
                return parts, end
        elif len(open_brackets) == 1:
            parts.append([])
        if parts:
            parts[-1].append(token)
        if token in _CLOSED_BY:
            open_brackets.append(_CLOSED_BY[token])
        elif not open_brackets:
            break
    return [], 0


def _tokens(head: bytes, at: int) -> Iterator[tuple[bytes, int]]:
    while found := _TOKEN.match(head, at):
        at = found.end()
        yield found[1], at


def _are_plain(parts: list[list[bytes]]) -> bool:
    """Whether each key is there once and unescaped, and the coding is told by names."""
    keys, values = [part[0] for part in parts[::2]], parts[1::2]
    if len(keys) != len(values) or len(set(keys)) != len(keys) or b"#" in b"".join(keys):
        return False
    entries = dict(zip(keys, values, strict=True))
    codings = entries.pop(b"/Filter", [])
    entries.pop(b"/Length", None)
    others = [token for key, value in entries.items() for token in (key, *value)]
    return (
        _are_codings(codings)
        and b"/DP" not in keys
        and not any(map(_MISLEADING_IN_STRING.search, (t for t in others if t not in _BRACKETS)))
    )


_BRACKETS = frozenset((*_CLOSED_BY, *_CLOSED_BY.values()))


def _are_codings(tokens: list[bytes]) -> bool:
    names = tokens[1:-1] if tokens[:1] == [b"["] else tokens
    return len(names) <= MAX_CODINGS and CODINGS.issuperset(names)
