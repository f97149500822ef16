"""Text: encoding, lines, words and characters, counted in one pass."""

from __future__ import annotations

import codecs
from typing import Any, BinaryIO

from errors import catalogue
from filesvc.metadata import TextMetadata
from filesvc.processors.subject import Description, Subject
from security.media_type import text_encoding

CHUNK_BYTES = 256 * 1024


def describe_text(subject: Subject) -> Description:
    """Counts as `wc` gives them, but in characters; a last line without its end counts.

    Raises CorruptContent when the text does not decode.
    """
    encoding = _find_start(subject.source)
    lines, words, characters, last = 0, 0, 0, "\n"
    try:
        for text in _decode(subject.source, encoding):
            lines += text.count("\n")
            words += len(text.split()) - (not last.isspace() and not text[0].isspace())
            characters += len(text)
            last = text[-1]
    except UnicodeDecodeError as error:
        raise catalogue.CorruptContent(note=encoding) from error
    return Description(
        TextMetadata(
            encoding=encoding, lines=lines + (last != "\n"), words=words, characters=characters
        )
    )


def _find_start(source: BinaryIO) -> str:
    """The encoding; the source then stands behind a UTF-8 mark.

    Not left to `utf-8-sig`, whose incremental decoder takes half a mark for nothing (tried).
    """
    head = source.read(len(codecs.BOM_UTF8))
    source.seek(len(head) if head == codecs.BOM_UTF8 else 0)
    return text_encoding(head).removesuffix("-sig")


def _decode(source: BinaryIO, encoding: str) -> Any:
    """Pieces of the text, none of them empty."""
    decoder = codecs.getincrementaldecoder(encoding)()
    while chunk := source.read(CHUNK_BYTES):
        if text := decoder.decode(chunk):
            yield text
    decoder.decode(b"", final=True)  # complains of a last character that is cut short
