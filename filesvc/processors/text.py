"""Text and Markdown: encoding, lines, words and characters."""

from __future__ import annotations

from filesvc.metadata import TextMetadata
from filesvc.processors.counting import CountedText
from filesvc.processors.subject import Description, Subject


def describe_text(subject: Subject) -> Description:
    """Counts as `wc` gives them, but in characters; a last line without its end counts.

    Raises CorruptContent when the text does not decode.
    """
    text = CountedText(subject)
    for _ in text.pieces():
        pass
    return Description(TextMetadata(**text.counts._asdict()))
