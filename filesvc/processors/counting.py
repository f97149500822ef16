"""Reads a text once, piece by piece, and counts it on the way."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import NamedTuple

from errors import catalogue
from filesvc.processors.subject import Subject
from security.encoding import text_encoding

CHUNK_BYTES = 256 * 1024
# About every half second.
REPORT_EVERY_BYTES = 32 * 1024 * 1024
# Loaded now: where files are processed nothing can be opened, modules included.
for _name in ("utf-8", "utf-16"):
    codecs.lookup(_name)


class Counts(NamedTuple):
    """What every kind of text is told of."""

    encoding: str
    lines: int
    words: int
    characters: int


class CountedText:
    """The text of a subject; its counts are right once all pieces were taken."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._encoding = _find_start(subject)
        self._line_ends, self._words, self._characters, self._last = 0, 0, 0, "\n"

    def pieces(self) -> Iterator[str]:
        """The decoded text in pieces, none empty and none larger than `CHUNK_BYTES` characters.

        A mark at the start is no part of it. Raises CorruptContent when the text does not decode.
        """
        decoder = codecs.getincrementaldecoder(self._encoding)()
        try:
            for chunk in self._chunks():
                if text := decoder.decode(chunk):
                    self._count(text)
                    yield text
            decoder.decode(b"", final=True)  # complains of a last character that is cut short
        except UnicodeDecodeError as error:
            raise catalogue.CorruptContent(note=self._encoding) from error

    @property
    def counts(self) -> Counts:
        """Counts as `wc` gives them, but in characters; a last line without its end counts."""
        lines = self._line_ends + (self._last != "\n")
        return Counts(self._encoding, lines, self._words, self._characters)

    def _chunks(self) -> Iterator[bytes]:
        source, read_bytes = self._subject.source, 0
        while chunk := source.read(CHUNK_BYTES):
            yield chunk
            read_bytes += len(chunk)
            if read_bytes % REPORT_EVERY_BYTES < len(chunk):
                self._subject.report("reading", 100 * read_bytes // self._subject.size_bytes)

    def _count(self, text: str) -> None:
        self._line_ends += text.count("\n")
        goes_on = not self._last.isspace() and not text[0].isspace()
        self._words += len(text.split()) - goes_on
        self._characters += len(text)
        self._last = text[-1]


def _find_start(subject: Subject) -> str:
    """The encoding; the source then stands behind a UTF-8 mark.

    Not left to `utf-8-sig`, whose incremental decoder takes half a mark for nothing (tried).
    """
    head = subject.source.read(len(codecs.BOM_UTF8))
    subject.source.seek(len(head) if head == codecs.BOM_UTF8 else 0)
    return text_encoding(head).removesuffix("-sig")
