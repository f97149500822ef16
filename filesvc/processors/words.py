"""Counts words in a text that arrives in pieces, as `str.split` would in the whole."""

from __future__ import annotations


class WordCount:
    """How many words were added; a word may be cut anywhere between two pieces."""

    def __init__(self) -> None:
        self.words = 0
        self._inside = False

    def add(self, text: str) -> None:
        """The next piece of the same line."""
        if not text:
            return
        goes_on = self._inside and not text[0].isspace()
        self.words += len(text.split()) - goes_on
        self._inside = not text[-1].isspace()

    def end_word(self) -> None:
        """What follows is no part of the last word."""
        self._inside = False

    def leave(self) -> bool:
        """Ends the word; answers what `resume` needs to go on with it later."""
        inside, self._inside = self._inside, False
        return inside

    def resume(self, inside: bool) -> None:
        """Go on where `leave` was called."""
        self._inside = inside
