"""Reads the cells of one sheet as a stream: where they stand, and the words of their texts."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence

from errors import catalogue
from filesvc.processors.markup import Reading, tags_of
from filesvc.processors.words import WordCount

# What a sheet has room for (ECMA-376 part 1, 18.3.1.4: XFD1048576).
MAX_ROWS = 1_048_576
MAX_COLUMNS = 16_384
MAX_LETTERS = 3
MAX_DIGITS = 10
# What an array of 32 bits holds; the longest text of a cell in Excel has 32,767 characters.
MAX_WORDS = 2**32 - 1
# Written in place, and computed by a formula.
TEXT_TYPES = frozenset({"inlineStr", "str"})


class SharedStrings(Reading):
    """How many words each shared string has; `words` is as long as there are strings."""

    root = "sst"
    tags: Mapping[str, str] = tags_of("spreadsheetml/main", "sst si t rPh")

    def __init__(self) -> None:
        super().__init__()
        self.words = array("I")
        self._count = WordCount()
        self._words_before = 0
        self._is_phonetic = False

    def opened(self, name: str, attributes: Mapping[str, str]) -> None:
        """A string is one text or several runs of it; phonetic runs repeat it."""
        if name == "si":
            self._words_before = self._count.words
            self._count.end_word()
        elif name == "rPh":
            self._is_phonetic = True
        elif name == "t":
            self.listening = not self._is_phonetic

    def closed(self, name: str) -> None:
        """A string is complete."""
        self.listening = False
        if name == "si":
            self.words.append(min(self._count.words - self._words_before, MAX_WORDS))
        elif name == "rPh":
            self._is_phonetic = False

    def heard(self, text: str) -> None:
        """A piece of the string."""
        self._count.add(text)


class Worksheet(Reading):
    """The last row and column that hold something, and the words of all cells."""

    root = "worksheet"
    tags: Mapping[str, str] = {
        **tags_of("spreadsheetml/main", "worksheet row c f v is t rPh"),
        "{http://schemas.microsoft.com/office/excel/2006/main}macrosheet": "worksheet",
    }

    def __init__(self, strings: Sequence[int]) -> None:
        """`strings` has the words of each shared string."""
        super().__init__()
        self.count = WordCount()
        self.rows = 0
        self.columns = 0
        self._strings = strings
        self._row = 0
        self._column = 0
        self._type = "n"
        self._index = ""
        self._is_phonetic = False

    def opened(self, name: str, attributes: Mapping[str, str]) -> None:
        """A row, a cell, or what a cell holds: a value, a formula, a text."""
        if name == "c":
            self._type = attributes.get("t", "n")
            self._move_to_cell(attributes.get("r"))
        elif name == "v":
            self.listening = True
        elif name == "row":
            self._move_to_row(attributes.get("r"))
        elif name == "t":
            self.listening = not self._is_phonetic
        elif name == "rPh":
            self._is_phonetic = True
        elif name != self.root:
            self._use_cell()

    def closed(self, name: str) -> None:
        """The text of a cell may be several runs, and ends with the cell."""
        if name == "c":
            self.count.end_word()
        elif name == "rPh":
            self._is_phonetic = False
        elif name == "v" and self._index:
            self._add_shared_string()
        self.listening = False

    def heard(self, text: str) -> None:
        """A piece of a value or of a text."""
        self._use_cell()
        if self._type in TEXT_TYPES:
            self.count.add(text)
        elif self._type == "s":
            self._index += text
            if len(self._index) > MAX_DIGITS:
                raise catalogue.CorruptContent(note="number of a shared string")

    def _use_cell(self) -> None:
        # Not `max`, which takes a third of the time of a large sheet (measured).
        if self._row > self.rows:
            self.rows = self._row
        if self._column > self.columns:
            self.columns = self._column

    def _add_shared_string(self) -> None:
        try:
            self.count.words += self._strings[parse_number(self._index)]
        except IndexError as error:
            raise catalogue.CorruptContent(note="missing shared string") from error
        self._index = ""

    def _move_to_row(self, number: str | None) -> None:
        self._row = self._row + 1 if number is None else parse_number(number)
        self._column = 0
        self._check_place()

    def _move_to_cell(self, place: str | None) -> None:
        if place is None:
            self._column += 1
        else:
            self._column, self._row = parse_place(place)
        self._check_place()

    def _check_place(self) -> None:
        if not 0 < self._row <= MAX_ROWS or self._column > MAX_COLUMNS:
            raise catalogue.CorruptContent(note="cell outside the sheet")


def parse_place(place: str) -> tuple[int, int]:
    """Column and row of a place like `AB12`, both from 1.

    Raises CorruptContent.
    """
    letters = place.rstrip("0123456789")
    column = 0
    for letter in letters[: MAX_LETTERS + 1].upper():
        column = column * 26 + ord(letter) - ord("A") + 1
    if not (0 < len(letters) <= MAX_LETTERS and letters.isascii() and letters.isalpha()):
        raise catalogue.CorruptContent(note="place of a cell")
    return column, parse_number(place[len(letters) :])


def parse_number(digits: str) -> int:
    """A number as the format writes it.

    Raises CorruptContent.
    """
    if not (digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIGITS):
        raise catalogue.CorruptContent(note="number in a sheet")
    return int(digits)
