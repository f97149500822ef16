"""Finds the other file that a polyglot is: a ZIP archive or a PDF inside another format.

Both are found by their readers although something else stands before them: a ZIP by its
directory near the end of the file, a PDF by a header in its first 1024 bytes (ISO 32000-1,
annex H). So they can hide in a comment, or after the end.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import BinaryIO

from errors import catalogue
from security.structure.limits import archive_limits_exceeded

_PDF_HEADER = re.compile(rb"%PDF-")
PDF_HEADER_WITHIN_BYTES = 1024
ZIP_END = b"PK\x05\x06"
ZIP64_LOCATOR = b"PK\x06\x07"
ZIP64_LOCATOR_BYTES = 20
ZIP_DIRECTORY = b"PK\x01\x02"
ZIP_END_BYTES = 22
_MARKS = re.compile(rb"PK(?:\x01\x02|\x06\x07)")
# As many entries as two of the largest archives have; each mark that is kept takes 150 bytes.
MAX_MARKS = 20_000
# How far before the end of the file its directory's end may stand. The longest comment has 65,535
# bytes; zipfile accepts one more behind it, and unzip looks back at least 66,000, in whole blocks.
ZIP_END_WITHIN_BYTES = 128 * 1024

# Whether that mark stands at that place.
BeginsWith = Callable[[int, bytes], bool]


def check_no_second_format(source: BinaryIO, size_bytes: int) -> None:
    """Refuse a file that a reader of ZIP archives or PDF documents would open as well.

    Raises AmbiguousContent. Leaves the source anywhere.
    """
    check_no_pdf(source)
    check_no_archive(source, size_bytes)


def check_no_pdf(source: BinaryIO) -> None:
    """Raises AmbiguousContent for a file that begins like a PDF where its readers look."""
    if find_pdf_headers(source):
        raise catalogue.AmbiguousContent(note="PDF header in it")


def find_pdf_headers(source: BinaryIO) -> list[int]:
    """Where a reader of PDFs would let one begin."""
    source.seek(0)
    head = source.read(PDF_HEADER_WITHIN_BYTES + len("PDF-"))
    return [found.start() for found in _PDF_HEADER.finditer(head)]


def check_no_archive(source: BinaryIO, size_bytes: int) -> None:
    """Raises AmbiguousContent for the end of a ZIP archive where its readers look.

    Reads 128 KiB, wherever the file ends.
    """
    start = max(0, size_bytes - ZIP_END_WITHIN_BYTES)
    source.seek(start)
    tail = source.read(ZIP_END_WITHIN_BYTES)
    if _ends_archive(partial(_begins_with, source), tail, start):
        raise catalogue.AmbiguousContent(note="ZIP archive in it")


def refuse_late_archive(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces of a member of an archive, unless another archive ends in its last 128 KiB.

    With something before it, it is nothing that could be looked into; clamd then finds only
    what is not streamed (tried). Raises ArchiveLimitsExceeded.
    """
    tail, read_bytes = b"", 0
    marks: set[tuple[int, bytes]] = set()
    for piece in pieces:
        start = read_bytes - len(tail[-3:])
        marks.update(
            (start + found.start(), found[0]) for found in _MARKS.finditer(tail[-3:] + piece)
        )
        if len(marks) > MAX_MARKS:
            raise archive_limits_exceeded("marks of archives without end")
        tail, read_bytes = (tail + piece)[-ZIP_END_WITHIN_BYTES:], read_bytes + len(piece)
        yield piece
    if _ends_archive(lambda *mark: mark in marks, tail, read_bytes - len(tail)):
        raise archive_limits_exceeded("archive behind something else")


def _ends_archive(begins_with: BeginsWith, tail: bytes, start: int) -> bool:
    """Whether one of the end marks in the tail, which begins at `start`, ends a directory."""
    place = tail.rfind(ZIP_END)
    while place >= 0:
        if _is_archive_end(begins_with, tail, start, place):
            return True
        place = tail.rfind(ZIP_END, 0, place)
    return False


def _is_archive_end(begins_with: BeginsWith, tail: bytes, start: int, place: int) -> bool:
    """Four bytes occur by chance in compressed pixels; they are the end of a directory if one
    begins as far before them as they say, or where they say (readers differ in which of the two
    they believe), or if ZIP64 says it somewhere else.
    """
    if len(tail) - place < ZIP_END_BYTES:
        return False
    length, told = struct.unpack_from("<II", tail, place + 12)
    end = start + place
    # A locator stands before the tail when the comment is the longest there can be.
    return (
        begins_with(end - ZIP64_LOCATOR_BYTES, ZIP64_LOCATOR)
        or begins_with(end - length, ZIP_DIRECTORY)
        or begins_with(told, ZIP_DIRECTORY)
    )


def _begins_with(source: BinaryIO, place: int, mark: bytes) -> bool:
    """True when the mark stands there; before the file there is nothing."""
    if place < 0:
        return False
    source.seek(place)
    return source.read(len(mark)) == mark
