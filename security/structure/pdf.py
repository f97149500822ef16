"""PDF: one document from its first byte to its last, not encrypted, and no script in plain sight.

A byte search, not a parser: what is compressed, and what only a parser can tell, is found by
the worker (filesvc.processors.pdf). So where the search is not sure, it lets pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from errors import catalogue
from security.structure.second_format import check_no_archive

CHUNK_BYTES = 1024 * 1024
# The longest thing that is found across the border of two chunks, and how far back it is
# looked up where a find stands.
WINDOW_BYTES = 16 * 1024
HEAD_BYTES = 1024
# A hostile file can be full of finds that mean nothing; each costs one window (4 ms at most).
MAX_LOOKS = 64
# White space of ISO 32000-2, 7.2.3, and the end mark of CP/M that some programs still write.
PADDING = b"\x00\t\n\x0c\r \x1a"
END = b"%%EOF"
ZIP_END_BYTES = 22
# The longest end of a ZIP, comment included; readers want the end mark of a PDF much later.
TAIL_BYTES = ZIP_END_BYTES + 0xFFFF

_SPACE = rb"(?:[\x00\t\n\x0c\r ]|%[^\r\n/]*+[\r\n])*+"  # comments are white space too
_NAME_ENDS = rb"(?![^\x00\t\n\x0c\r ()<>\[\]{}/%])"


def _name(word: str) -> bytes:
    """A pattern for a name without its slash, each letter plain or as `#xx` (7.3.5)."""
    letters = (
        f"(?:{letter}|#(?i:{ord(letter):02x}))" if letter.isalpha() else letter for letter in word
    )
    return "".join(letters).encode() + _NAME_ENDS


_ENCRYPT = (
    _name("Encrypt") + _SPACE + rb"(?:<<|\d{1,10}" + _SPACE + rb"\d{1,5}" + _SPACE + rb"R(?!\w))"
)
_ACTION = _name("S") + _SPACE + rb"/(?:" + _name("JavaScript") + rb"|" + _name("Launch") + rb")"
_SCRIPT = _name("JS") + _SPACE + rb"(?:\(|<(?!<))"
# One pattern that begins with one plain byte: 1 ms for each MB of a PDF (measured).
_SUSPECT = re.compile(b"/(?:(" + _ENCRYPT + b")|" + _ACTION + b"|" + _SCRIPT + b")")
# What tells in which part of the file a place is.
_LANDMARK = re.compile(
    rb"(?P<stream>>>\s{0,4}stream[\r\n])|(?P<stream_ends>endstream)|endobj"
    rb"|(?P<dictionary>\d\s{1,4}obj\b|\btrailer\b)"
)
_FIRST_OBJECT = re.compile(rb"\d\s{1,4}obj\b")
_MARKUP = re.compile(rb"(?i)<(?:!doctype|html|head|body|script|iframe|svg|\?php|\?=)")
_MORE_PDF = re.compile(rb"[\s\x00]*(?:\d{1,10}\s+\d{1,5}\s+obj|xref|trailer|startxref)\b")


def inspect_pdf(source: BinaryIO, size_bytes: int) -> None:
    """A PDF that begins at byte 0, ends at its last end mark, and shows no password or script.

    Raises CorruptContent, AmbiguousContent, EncryptedContent, ActiveContent.
    """
    _check_head(source)
    _check_tail(source, size_bytes)
    check_no_archive(source, size_bytes)
    for suspect in _find_suspects(source, size_bytes):
        if suspect == "encrypted":
            raise catalogue.EncryptedContent(note="/Encrypt in a trailer")
        raise catalogue.ActiveContent(note="script or launch action")


def _check_head(source: BinaryIO) -> None:
    """ISO 32000-2, 7.5.2: the header stands at the first byte.

    Readers find it later too, which is what files of two kinds live on. What writes a byte
    order mark or an empty line before it is a web page that prints a PDF, no PDF writer.
    """
    head = source.read(HEAD_BYTES)
    if not head.startswith(b"%PDF-"):
        if b"%PDF-" in head:
            raise catalogue.AmbiguousContent(note="bytes before the PDF header")
        raise catalogue.CorruptContent(note="no PDF header")
    first = _FIRST_OBJECT.search(head)
    if _MARKUP.search(head, 0, first.start() if first else HEAD_BYTES):
        raise catalogue.AmbiguousContent(note="markup in the PDF header")
    if b"PK\x03\x04" in head:
        raise catalogue.AmbiguousContent(note="ZIP entry in the PDF header")


def _check_tail(source: BinaryIO, size_bytes: int) -> None:
    """The last end mark is the end, and `startxref` stands before it."""
    tail = _read_window(source, max(0, size_bytes - TAIL_BYTES), size_bytes)
    _check_zip_end(tail)
    rest = tail.rstrip(PADDING)
    if not rest.endswith(END):
        raise _misses_its_end(source, tail, size_bytes)
    if b"startxref" not in rest:
        raise catalogue.CorruptContent(note="no startxref")


def _check_zip_end(tail: bytes) -> None:
    """An empty ZIP may hide the end of a PDF in its comment, which reaches to the last byte."""
    at = tail.find(b"PK\x05\x06")
    while at >= 0:
        comment = int.from_bytes(tail[at + ZIP_END_BYTES - 2 : at + ZIP_END_BYTES], "little")
        if at + ZIP_END_BYTES + comment == len(tail):
            raise catalogue.AmbiguousContent(note="PDF in the comment of a ZIP")
        at = tail.find(b"PK\x05\x06", at + 1)


def _misses_its_end(
    source: BinaryIO, tail: bytes, size_bytes: int
) -> catalogue.CorruptContent | catalogue.AmbiguousContent:
    """Cut short when nothing but PDF follows the last end mark; else something was added.

    A file with several revisions, or a linearized one, has an end mark in its middle.
    """
    before, mark, after = tail.rpartition(END)
    if not mark and not _has_end(source, size_bytes):
        return catalogue.CorruptContent(note="no %%EOF")
    if mark and _MORE_PDF.match(after):
        return catalogue.CorruptContent(note="cut short")
    return catalogue.AmbiguousContent(note="bytes after %%EOF")


def _has_end(source: BinaryIO, size_bytes: int) -> bool:
    return any(END in chunk for _, chunk in _read_chunks(source, size_bytes, len(END)))


def _find_suspects(source: BinaryIO, size_bytes: int) -> Iterator[str]:
    """`encrypted` or `active` for each find that stands in a dictionary where it counts."""
    looks = 0
    for position, chunk in _read_chunks(source, size_bytes, WINDOW_BYTES):
        is_last = position + len(chunk) >= size_bytes
        for found in _SUSPECT.finditer(chunk):
            if found.start() >= CHUNK_BYTES and not is_last:
                break  # the next chunk has it whole
            looks += 1
            if looks > MAX_LOOKS:
                return
            at = position + found.start()
            ahead = _read_window(source, max(0, at - WINDOW_BYTES), at)
            if found[1] and _is_trailer(ahead, chunk[found.end() :][:WINDOW_BYTES]):
                yield "encrypted"
            elif not found[1] and _dictionary_before(ahead) is not None:
                yield "active"


def _is_trailer(ahead: bytes, behind: bytes) -> bool:
    """A plain trailer, or the dictionary of a cross-reference stream (7.5.8)."""
    dictionary = _dictionary_before(ahead)
    if dictionary is None:
        return False
    until = behind.find(b"stream")
    return dictionary.startswith(b"trailer") or b"/XRef" in dictionary + behind[: max(0, until)]


def _dictionary_before(ahead: bytes) -> bytes | None:
    """From the start of the object to the find; None inside a stream or inside a string.

    Also None where no object starts within the window: that is the middle of a large stream.
    """
    start: int | None = None
    in_stream = False
    for mark in _LANDMARK.finditer(ahead):
        if not in_stream or mark["stream_ends"]:  # text on a page may speak of objects
            in_stream = mark["stream"] is not None
            start = mark.start() if mark["dictionary"] else None
    if start is None:
        return None
    dictionary = ahead[start:]
    depth = 0
    for mark in re.finditer(rb"\\.|[()]", dictionary, re.DOTALL):
        depth = max(0, depth + {b"(": 1, b")": -1}.get(mark[0], 0))
    return None if depth else dictionary


def _read_chunks(
    source: BinaryIO, size_bytes: int, overlap_bytes: int
) -> Iterator[tuple[int, bytes]]:
    """Where each chunk stands and what is in it, with the start of the next one."""
    for position in range(0, size_bytes, CHUNK_BYTES):
        yield position, _read_window(source, position, position + CHUNK_BYTES + overlap_bytes)


def _read_window(source: BinaryIO, start: int, stop: int) -> bytes:
    source.seek(start)
    return source.read(stop - start)
