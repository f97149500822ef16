"""What is told of a workbook, against openpyxl, XlsxWriter and counting by hand."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.styles import Font

from errors import catalogue
from filesvc.metadata import MAX_LISTED
from filesvc.processors.spreadsheets import describe_spreadsheet
from filesvc.processors.worksheets import MAX_COLUMNS, MAX_ROWS
from tests.files.archives import rewrite
from tests.files.office_parts import STRICT, TRANSITIONAL, workbook
from tests.filesvc.processors.telling import tell

TEXTS = st.text(st.characters(categories=["L", "N", "P", "Zs"], exclude_characters="="), max_size=8)
VALUES = st.one_of(TEXTS.filter(bool), st.integers(-999, 999), st.booleans(), st.floats(0, 1))
PLACES = st.tuples(st.integers(1, 40), st.integers(1, 800))


def describe(content: bytes) -> dict[str, Any]:
    return tell(describe_spreadsheet, content)


def describe_rows(rows: str, strings: str | None = None) -> tuple[int, int, int]:
    """Rows, columns and words of a sheet of these rows."""
    told = describe(workbook(rows, strings))
    sheet = told["sheet_list"][0]
    return sheet["rows"], sheet["columns"], told["words"]


def saved(book: openpyxl.Workbook) -> bytes:
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def test_every_field_of_a_workbook_is_told() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Prices & more"
    sheet["B3"] = "two words"
    sheet["A1"] = 12.5
    sheet["F9"].font = Font(bold=True)
    sheet["A2"].hyperlink = "https://example.org/"
    sheet["A2"] = "link"
    book.create_sheet("Empty")
    book.properties.title = "Book"
    book.properties.creator = "Zoë"
    book.properties.created = datetime(2024, 2, 29, 12, 30, tzinfo=UTC)

    told = describe(saved(book))

    assert told.pop("modified_at").endswith("Z")
    assert told == {
        "kind": "spreadsheet",
        "title": "Book",
        "author": "Zoë",
        "created_at": "2024-02-29T12:30:00Z",
        "words": 3,
        "external_links": 1,
        "has_macros": False,
        "sheets": 2,
        "sheet_list": [
            {"name": "Prices & more", "rows": 3, "columns": 2},
            {"name": "Empty", "rows": 0, "columns": 0},
        ],
    }


@pytest.mark.property
@given(sheets=st.lists(st.dictionaries(PLACES, VALUES, max_size=8), min_size=1, max_size=3))
def test_words_rows_and_columns_are_those_that_were_written(
    sheets: list[dict[tuple[int, int], Any]],
) -> None:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for cells in sheets:
        sheet = book.create_sheet()
        for (row, column), value in cells.items():
            sheet.cell(row, column, value)

    told = describe(saved(book))

    texts = [value for cells in sheets for value in cells.values() if isinstance(value, str)]
    assert told["words"] == sum(len(text.split()) for text in texts)
    assert [(sheet["rows"], sheet["columns"]) for sheet in told["sheet_list"]] == [
        (max((r for r, _ in cells), default=0), max((c for _, c in cells), default=0))
        for cells in sheets
    ]


def test_a_workbook_of_another_writer_is_read_with_its_chart_sheet_and_computed_texts() -> None:
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    sheet = book.add_worksheet("One")
    sheet.write_rich_string(4, 7, "hel", book.add_format({"bold": True}), "lo world")
    sheet.write_formula(0, 0, '="a b"', None, "a b")
    sheet.write_blank(50, 50, None, book.add_format({"bold": True}))
    chart = book.add_chart({"type": "line"})
    chart.add_series({"values": "=One!$A$1:$A$2"})
    book.add_chartsheet("Chart").set_chart(chart)
    book.close()

    told = describe(target.getvalue())

    assert told["words"] == 4
    assert told["sheet_list"] == [
        {"name": "One", "rows": 5, "columns": 8},
        {"name": "Chart", "rows": 0, "columns": 0},
    ]


@pytest.mark.parametrize("names", [TRANSITIONAL, STRICT])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_both_forms_of_the_standard_and_both_encodings_are_read(
    names: dict[str, str], encoding: str
) -> None:
    rows = '<row r="2"><c r="C2" t="inlineStr"><is><t>né zwei</t></is></c></row>'

    told = describe(workbook(rows, names=names, encoding=encoding))

    assert told["sheet_list"] == [{"name": "One", "rows": 2, "columns": 3}]
    assert told["words"] == 2


def test_a_dimension_that_lies_is_not_believed() -> None:
    rows = '<row r="1"><c r="B1"><v>1</v></c></row>'

    told = describe(workbook(rows, before='<dimension ref="A1:XFD1048576"/>'))

    assert told["sheet_list"] == [{"name": "One", "rows": 1, "columns": 2}]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("", (0, 0, 0)),
        ("<row><c/><c><v>1</v></c></row><row><c><v>1</v></c></row>", (2, 2, 0)),
        ('<row r="5"><c t="str"><f>A1</f><v>a b</v></c></row>', (5, 1, 2)),
        ('<row r="5"><c r="D5" s="1"/></row>', (0, 0, 0)),
        ('<row><c r="D5"><f>A1</f></c></row>', (5, 4, 0)),
        ('<row><c t="e"><v>#REF!</v></c><c t="b"><v>1</v></c></row>', (1, 2, 0)),
        ('<row><c t="str"><v>a</v></c><c t="str"><v>b</v></c></row>', (1, 2, 2)),
        ('<row><c r="XFD1048576"><v>1</v></c></row>', (MAX_ROWS, MAX_COLUMNS, 0)),
        ('<row><c t="s"><v/></c></row>', (0, 0, 0)),
        ('<row><c t="inlineStr"><is><t>a</t><rPh><t>b</t></rPh></is></c></row>', (1, 1, 1)),
    ],
)
def test_a_sheet_reaches_to_the_last_cell_that_holds_something(
    rows: str, told: tuple[int, int, int]
) -> None:
    assert describe_rows(rows) == told


def test_each_use_of_a_shared_string_counts_and_its_pronunciation_does_not() -> None:
    strings = (
        "<si><t>never used here</t></si><si><r><t>東</t></r><r><t>京 city</t></r>"
        "<rPh><t>to u</t></rPh></si>"
    )
    rows = '<row><c t="s"><v>1</v></c><c t="s"><v>1</v></c></row>'

    assert describe_rows(rows, strings) == (1, 2, 4)


@pytest.mark.parametrize(
    "rows",
    [
        '<row><c t="s"><v>1</v></c></row>',
        '<row><c t="s"><v>-1</v></c></row>',
        '<row><c t="s"><v>99999999999999999999</v></c></row>',
        '<row><c t="s"><v>one</v></c></row>',
        '<row><c r="XFE1"><v>1</v></c></row>',
        '<row><c r="A1048577"><v>1</v></c></row>',
        '<row r="1048577"/>',
        '<row r="0"/>',
        '<row r="²"/>',
        '<row><c r="A0"/></row>',
        '<row><c r="1"/></row>',
        '<row><c r="A"/></row>',
        '<row><c r=""/></row>',
        '<row><c r="É1"/></row>',
        '<row><c r="AAAAAAAA1"/></row>',
        "<c/>",
    ],
)
def test_a_cell_that_cannot_be_is_corrupt(rows: str) -> None:
    with pytest.raises(catalogue.CorruptContent):
        describe_rows(rows, "<si><t>only</t></si>")


def test_only_the_first_sheets_are_listed_but_all_are_counted() -> None:
    book = openpyxl.Workbook()
    for number in range(MAX_LISTED + 10):
        book.create_sheet()["A1"] = f"sheet {number}"

    told = describe(saved(book))

    assert (told["sheets"], len(told["sheet_list"])) == (MAX_LISTED + 11, MAX_LISTED)
    assert told["words"] == 2 * (MAX_LISTED + 10)


def test_a_sheet_without_its_part_is_corrupt() -> None:
    content = rewrite(workbook(""), leave_out=("xl/worksheets/sheet1.xml",))

    with pytest.raises(catalogue.CorruptContent):
        describe(content)


def test_a_part_that_thousands_of_sheets_share_is_read_once() -> None:
    content = workbook('<row><c t="str"><v>a b</v></c></row>' * 1000)
    listed = '<sheet name="One" r:id="one"/>' * 9999
    names = f'xmlns="{TRANSITIONAL["s"]}" xmlns:r="{TRANSITIONAL["r"]}"'
    main = f"<workbook {names}><sheets>{listed}</sheets></workbook>"

    told = describe(rewrite(content, replace={"xl/workbook.xml": main}))

    assert (told["sheets"], told["words"]) == (9999, 9999 * 2000)


def test_more_sheets_than_a_file_can_have_are_corrupt() -> None:
    main = f'<workbook xmlns="{TRANSITIONAL["s"]}">{"<sheet/>" * 10_001}</workbook>'

    with pytest.raises(catalogue.CorruptContent):
        describe(rewrite(workbook(""), replace={"xl/workbook.xml": main}))
