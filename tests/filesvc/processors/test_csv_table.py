"""What is told of a table, against Python's csv module reading the whole of it."""

from __future__ import annotations

import csv
import datetime
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import catalogue
from filesvc.processors import counting, csv_table
from filesvc.processors.csv_table import describe_csv
from filesvc.processors.csv_types import type_of
from filesvc.processors.subject import Subject
from tests.files.texts import Endless, table
from tests.filesvc.processors.telling import tell

CELLS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "integer": st.integers(),
    "number": st.floats(allow_nan=False),
    "boolean": st.booleans(),
    "date": st.dates(),
    "datetime": st.datetimes(timezones=st.none() | st.just(datetime.UTC)),
    "text": st.from_regex("[a-z]{3,8} [a-z]{3,8}", fullmatch=True),
}


def describe(text: str) -> dict[str, Any]:
    return tell(describe_csv, text.encode())


def types(text: str) -> list[str]:
    return [column["type"] for column in describe(text)["column_types"]]


@pytest.mark.property
@given(
    rows=st.lists(st.lists(CELLS, min_size=2, max_size=4), max_size=8),
    delimiter=st.sampled_from(",;\t|"),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    chunk=st.integers(4, 30),
)
def test_rows_and_columns_are_those_the_csv_module_reads(
    rows: list[list[str]], delimiter: str, line_end: str, chunk: int, monkeypatch: Any
) -> None:
    monkeypatch.setattr(counting, "CHUNK_BYTES", chunk)
    text = table(rows, delimiter, line_end)

    told = describe(text)

    read = [
        row
        for row in csv.reader(io.StringIO(text, newline=None), delimiter=told["delimiter"])
        if row
    ]
    assert told["rows"] + told["has_header"] == len(read)
    assert told["columns"] == max(map(len, read), default=0)
    assert told["characters"] == len(text)


@pytest.mark.property
@given(kinds=st.lists(st.sampled_from(sorted(VALUES)), min_size=2, max_size=6), draw=st.data())
def test_each_column_has_the_type_of_its_values(kinds: list[str], draw: st.DataObject) -> None:
    header = [f"column {place}" for place in range(len(kinds))]
    rows = [[str(draw.draw(VALUES[kind])) for kind in kinds] for _ in range(3)]

    told = describe(table([header, *rows]))

    assert [column["type"] for column in told["column_types"]] == kinds
    assert [column["name"] for column in told["column_types"]] == header
    assert (told["has_header"], told["rows"], told["columns"]) == (True, 3, len(kinds))


@pytest.mark.property
@given(content=st.binary(max_size=80) | st.text('",;\n\r ab1', max_size=80).map(str.encode))
def test_any_bytes_are_told_or_refused_as_corrupt(content: bytes) -> None:
    try:
        content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8")
    except UnicodeDecodeError:
        with pytest.raises(catalogue.CorruptContent):
            tell(describe_csv, content)
    else:
        assert tell(describe_csv, content)["kind"] == "csv"


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ("name;price\nA;1,50\nB;2,75\n", ";"),
        ("1,5;2,5\n3,5;4,5\n", ";"),
        ("a\tb c, d\n1\t2\n", "\t"),
        ("a|b\n1|2\n", "|"),
        ('"a;b",c\n"d;e",f\n', ","),
        ('"a\nb",c\n"d\ne",f\n', ","),
        ("one word\nanother\n", ","),
        ("", ","),
    ],
)
def test_the_delimiter_is_the_sign_that_cuts_all_rows_alike(text: str, delimiter: str) -> None:
    assert describe(text)["delimiter"] == delimiter


@pytest.mark.parametrize(
    ("text", "has_header"),
    [
        ("name,age\nAnn,3\n", True),
        ("Ann,3\nBob,4\n", False),
        ("name,city\nAnn,Rome\n", True),
        ("name,city\n", True),
        (",name,age\n0,Ann,3\n", True),
        ("name,name\nAnn,3\n", False),
        ("Ann\nBob\n", False),
        ("age\n3\n4\n", True),
        ("1,2\n3,4\n", False),
        ("", False),
    ],
)
def test_a_first_row_of_different_names_is_a_header(text: str, has_header: bool) -> None:
    assert describe(text)["has_header"] is has_header


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        *(("0", "integer"), ("-12", "integer"), ("+7", "integer"), (" 5 ", "integer")),
        *(("007", "text"), ("1,5", "text"), ("1 000", "text"), ("0x1F", "text"), ("-", "text")),
        *(("1.5", "number"), (".5", "number"), ("1.", "number"), ("2e10", "number")),
        *(("NaN", "number"), ("-inf", "number"), ("1e", "text"), ("9" * 65, "text")),
        *(("true", "boolean"), ("FALSE", "boolean"), ("yes", "text")),
        *(("2024-02-29", "date"), ("2023-02-29", "text"), ("01/02/2023", "text")),
        *(("2024-01-01T10:00", "datetime"), ("2024-01-01 10:00:00.5+02:00", "datetime")),
        *(("2024-01-01T25:00", "text"), ("", "empty"), (" \t", "empty"), ("٣", "text")),
    ],
)
def test_a_value_has_the_narrowest_type(cell: str, kind: str) -> None:
    assert type_of(cell) == kind


def test_a_column_takes_the_type_that_holds_all_its_values() -> None:
    rows = [
        ["1", "2024-01-01", "", "true", ""],
        ["2.5", "2024-01-01T10:00", "4", "1", ""],
    ]

    assert types(table(rows)) == ["number", "datetime", "integer", "text", "empty"]


def test_rows_of_different_length_are_as_wide_as_the_widest() -> None:
    told = describe("a,b\n1,2\n1,2,3\n1\n")

    assert (told["columns"], told["rows"]) == (3, 3)
    assert told["column_types"][2] == {"name": "", "type": "integer"}


def test_lines_without_anything_are_no_rows() -> None:
    told = describe("a,b\n\n1,2\n\n\n")

    assert (told["rows"], told["lines"]) == (1, 5)


def test_only_the_first_columns_are_listed_of_a_wide_table() -> None:
    told = describe(table([["1"] * 1000, ["2"] * 1000]))

    assert (told["columns"], len(told["column_types"])) == (1000, 256)


def test_a_name_in_the_header_is_told_without_what_cannot_be_seen() -> None:
    told = describe("a\u202eb,c\td\n1,2\n")

    assert [column["name"] for column in told["column_types"]] == ["ab", "c d"]


@pytest.mark.parametrize("unit", [b"a", b"a,", b'"', b'"a\nb",', b'"' + b"x\n" * 4_000_000])
def test_a_row_without_an_end_is_refused_before_it_fills_the_memory(unit: bytes) -> None:
    source = Endless(unit, 2**31)

    with pytest.raises(catalogue.CorruptContent):
        describe_csv(Subject("text/csv", 2**31, "", source))  # type: ignore[arg-type]  # reads like a file
    assert source.most_read_bytes < 4 * csv_table.MAX_ROW_CHARACTERS


def test_a_long_value_is_no_error() -> None:
    told = describe(table([["id", "text"], [1, "x" * 1_000_000]]))

    assert [column["type"] for column in told["column_types"]] == ["integer", "text"]


def test_a_head_of_quotes_is_read_at_once() -> None:
    # csv.Sniffer takes minutes for this.
    assert describe('"\n' * 40_000)["columns"] == 1
