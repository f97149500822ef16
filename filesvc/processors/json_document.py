"""JSON: whether it is valid, how many documents, how deep and how many values, read as a stream.

What RFC 8259 leaves open is settled here: several documents after each other are told (NDJSON;
the parser asks for no space between them, so `01` is two), repeated names are counted like any
others, a number may have as many digits as it likes, a lone surrogate in an escape passes. NaN,
Infinity, comments and an empty file are no JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Literal

import ijson

from errors import catalogue
from filesvc.metadata import JsonMetadata
from filesvc.processors.counting import CountedText
from filesvc.processors.subject import Description, Subject

MAX_DEPTH = 1000  # Python's and Ruby's readers end earlier
# The parser holds one text as a whole: this one, decoded, takes four times as many bytes.
MAX_TOKEN_BYTES = 32 * 1024 * 1024
MAX_DIGITS = 1024 * 1024

# Digits from the fifth on say nothing about the shape of a document. They must not reach the
# parser: it makes numbers of them, and 4301 digits (Python's limit) crash its process (measured,
# ijson 3.6.0). Four stay, because an escape in a text may need as many.
_LATER_DIGITS = re.compile("([0-9]{4})[0-9]+")

JsonType = Literal["object", "array", "string", "number", "boolean", "null"]
TYPES: dict[str, JsonType] = {
    "start_map": "object",
    "start_array": "array",
    "string": "string",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}


def describe_json(subject: Subject) -> Description:
    """Documents, depth, number of values, the type of the first document, and the text's counts.

    Raises CorruptContent for what is no JSON, for more than `MAX_DEPTH` levels, for a text of
    more than `MAX_TOKEN_BYTES` and a number of more than `MAX_DIGITS`.
    """
    text = CountedText(subject)
    shape = Shape()
    try:
        shape.read(Feed(text.pieces()))
    except ijson.JSONError as error:
        raise catalogue.CorruptContent(note="no JSON") from error
    return Description(
        JsonMetadata(
            **text.counts._asdict(),
            documents=shape.documents,
            top_level=shape.top_level,
            depth=shape.deepest,
            values=shape.values,
        )
    )


class Shape:
    """What is counted while the documents go by."""

    def __init__(self) -> None:
        self.documents, self.values, self.deepest = 0, 0, 0
        self.top_level: JsonType = "null"

    def read(self, feed: Feed) -> None:
        """Count everything to the end.

        Raises CorruptContent when it is too deep, ijson.JSONError.
        """
        depth = 0
        for event, _ in ijson.basic_parse(feed, multiple_values=True):
            feed.waiting_bytes = 0
            if event in TYPES:
                self._count(TYPES[event], depth)
            if event.startswith("start_"):
                depth += 1
                self.deepest = max(self.deepest, depth)
            elif event.startswith("end_"):
                depth -= 1
            if depth > MAX_DEPTH:
                raise catalogue.CorruptContent(note="JSON is nested too deep")

    def _count(self, kind: JsonType, depth: int) -> None:
        self.values += 1
        if depth == 0:
            self.top_level = kind if self.documents == 0 else self.top_level
            self.documents += 1


class Feed:
    """The text as UTF-8 for the parser, which is given no token it could not hold."""

    def __init__(self, pieces: Iterator[str]) -> None:
        # With no line end last the parser forgets a text that is still open (ijson 3.6.0, tried).
        self._pieces = chain(pieces, ("\n",))
        self._digits = 0
        self.waiting_bytes = 0

    def read(self, size: int = -1) -> bytes:
        """The next piece, whatever its size; ijson asks for nothing (0) first, to see the type.

        Raises CorruptContent.
        """
        piece = next(self._pieces, "") if size else ""
        self._refuse_endless_number(piece)
        feed = _LATER_DIGITS.sub(r"\1", piece).encode()
        self.waiting_bytes += len(feed.strip())
        if self.waiting_bytes > MAX_TOKEN_BYTES:
            raise catalogue.CorruptContent(note="a text in JSON is too long")
        return feed

    def _refuse_endless_number(self, piece: str) -> None:
        # A run of digits keeps four in each piece: over too many pieces it would be long again.
        self._digits = self._digits + len(piece) if piece.isdecimal() else 0
        if self._digits > MAX_DIGITS:
            raise catalogue.CorruptContent(note="a number in JSON is too long")
