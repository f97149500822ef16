"""CSV: what separates its values, whether it has a header, its rows, columns and their types."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator

from errors import catalogue
from filesvc.metadata import MAX_LISTED, Column, CsvMetadata, clean_name
from filesvc.processors.counting import CountedText
from filesvc.processors.csv_types import ColumnType, type_of, widen
from filesvc.processors.subject import Description, Subject

# Where two separate a head equally well, the rarer sign wins: commas stand in numbers and prose.
DELIMITERS = "\t;|,"
FALLBACK = ","
HEAD_CHARACTERS = 64 * 1024
# One row is held as a whole, fields and all.
MAX_ROW_CHARACTERS = 4 * 1024 * 1024

csv.field_size_limit(MAX_ROW_CHARACTERS)


def describe_csv(subject: Subject) -> Description:
    """Delimiter, header, rows and columns, a type for each column, and the text's counts.

    Rows without any character are none. Raises CorruptContent for text that does not decode, a
    row of more than `MAX_ROW_CHARACTERS`, and an empty file.
    """
    text = CountedText(subject)
    lines = Lines(text.pieces())
    table = Table()
    try:
        delimiter = choose_delimiter(lines.look_ahead())
        for row in csv.reader(lines, delimiter=delimiter):
            lines.row_characters = 0
            if row:
                table.add(row)
    except csv.Error as error:
        raise catalogue.CorruptContent(note="no CSV") from error
    has_header = table.has_header()
    return Description(
        CsvMetadata(
            **text.counts._asdict(),
            delimiter=delimiter,
            has_header=has_header,
            columns=table.width,
            rows=table.rows - has_header,
            column_types=table.columns(has_header=has_header),
        )
    )


def choose_delimiter(head: list[str]) -> str:
    """The sign that cuts most of these lines into as many fields each, two or more.

    Not csv.Sniffer: its patterns are quadratic, 16 KB of quotes and line ends take it 5 s
    (measured), and where it finds no quotes it counts signs inside values too.
    """
    best, best_share = FALLBACK, 0.0
    for delimiter in DELIMITERS:
        widths = Counter(len(row) for row in csv.reader(head, delimiter=delimiter) if row)
        if widths:
            # Not `most_common`, which imports a module when it is called.
            count, width = max((count, width) for width, count in widths.items())
            share = count / widths.total()
            if width > 1 and share > best_share:
                best, best_share = delimiter, share
    return best


class Lines:
    """The lines of a text, whatever ends them, for a reader that holds one row at a time."""

    def __init__(self, pieces: Iterator[str]) -> None:
        self._lines = self._split(pieces)
        self._ahead: list[str] = []
        self.row_characters = 0

    def look_ahead(self) -> list[str]:
        """The first lines, about `HEAD_CHARACTERS` of them; they are still to come."""
        characters = 0
        for line in self._lines:
            self._ahead.append(line)
            characters += len(line)
            if characters >= HEAD_CHARACTERS:
                break
        head, self._ahead = self._ahead, self._ahead[::-1]
        return head

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        line = self._ahead.pop() if self._ahead else next(self._lines)
        self.row_characters += len(line)
        _check_row(self.row_characters)
        return line

    def _split(self, pieces: Iterator[str]) -> Iterator[str]:
        newlines = io.IncrementalNewlineDecoder(None, translate=True)
        open_line = ""
        for piece in pieces:
            *lines, rest = newlines.decode(piece).split("\n")
            if lines:
                yield f"{open_line}{lines[0]}\n"
                yield from (f"{line}\n" for line in lines[1:])
                open_line = ""
            open_line += rest
            _check_row(len(open_line))
        if open_line:
            yield open_line


def _check_row(characters: int) -> None:
    if characters > MAX_ROW_CHARACTERS:
        raise catalogue.CorruptContent(note="a row of CSV is too long")


class Table:
    """What is known of the rows so far; of more than `MAX_LISTED` columns only the width."""

    def __init__(self) -> None:
        self.rows, self.width = 0, 0
        self._first: list[str] = []
        self._types: list[ColumnType] = []

    def add(self, row: list[str]) -> None:
        """Count one row; the first may be a header and is kept aside."""
        self.rows += 1
        self.width = max(self.width, len(row))
        if self.rows == 1:
            self._first = row
            return
        if len(row) > len(self._types):
            missing = min(len(row), MAX_LISTED) - len(self._types)
            self._types += ["empty"] * missing
        for place, known in enumerate(self._types[: len(row)]):
            if known != "text":
                self._types[place] = widen(known, type_of(row[place]))

    def has_header(self) -> bool:
        """The first row has names, all different, over values of other types.

        Where all is text there is nothing to tell by: from two columns up a header is more
        likely than none.
        """
        kinds = {type_of(cell) for cell in self._first}
        names = [cell for cell in self._first if cell.strip()]
        if not kinds <= {"text", "empty"} or not names or len(set(names)) < len(names):
            return False
        has_contrast = any(known not in ("text", "empty") for known in self._types)
        return has_contrast or self.width > 1

    def columns(self, *, has_header: bool) -> list[Column]:
        """The first `MAX_LISTED` columns, named by the header."""
        told: list[Column] = []
        for place in range(min(self.width, MAX_LISTED)):
            kind = self._types[place] if place < len(self._types) else "empty"
            cell = self._first[place] if place < len(self._first) else ""
            if not has_header:
                kind = widen(kind, type_of(cell))
            told.append(Column(name=clean_name(cell) if has_header else "", type=kind))
        return told
