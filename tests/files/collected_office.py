"""Office files of the collection, with what must be told of each."""

from __future__ import annotations

import datetime
import io
from collections.abc import Callable
from typing import Any

import docx as python_docx
import openpyxl
import pptx as python_pptx
import xlsxwriter
from docx.opc.constants import RELATIONSHIP_TYPE

from tests.files import images, office_parts
from tests.files.sample import Fields, Sample, dated, installed

OOXML = "application/vnd.openxmlformats-officedocument."
LINK = "https://example.org/"
WRITTEN = datetime.datetime(2021, 2, 3, 4, 5, 6)  # noqa: DTZ001 - these libraries know no zones
WRITTEN_AT = "2021-02-03T04:05:06Z"
DOCX_AT = "2013-12-23T23:15:00Z"  # as the template of python-docx has it
PPTX_AT = ("2013-01-27T09:14:16Z", "2013-01-27T09:15:58Z")


def common(
    title: str | None, author: str | None, times: tuple[str | None, str | None], links: int
) -> Fields:
    """What the three kinds of Office files have in common; none of these has macros."""
    return {
        "title": title,
        "author": author,
        "created_at": times[0],
        "modified_at": times[1],
        "external_links": links,
        "has_macros": False,
    }


NOTHING = common(None, None, (None, None), 0)


def document(name: str, make: Callable[[], bytes], fields: Fields, **told: Any) -> Sample:
    """A DOCX."""
    told = {"kind": "document"} | fields | told
    return Sample(name, f"{OOXML}wordprocessingml.document", make, told)


def workbook(
    name: str,
    make: Callable[[], bytes],
    fields: Fields,
    words: int,
    *sheets: tuple[str, int, int],
) -> Sample:
    """An XLSX of sheets, each with its name, rows and columns."""
    listed = [{"name": title, "rows": rows, "columns": wide} for title, rows, wide in sheets]
    told = {"words": words, "sheets": len(sheets), "sheet_list": listed}
    return Sample(
        name, f"{OOXML}spreadsheetml.sheet", make, {"kind": "spreadsheet", **fields, **told}
    )


def show(name: str, make: Callable[[], bytes], fields: Fields, slides: int, words: int) -> Sample:
    """A PPTX."""
    told = {"kind": "presentation", **fields, "slides": slides, "words": words}
    return Sample(name, f"{OOXML}presentationml.presentation", make, told)


def report() -> bytes:
    """Heading, paragraph, a table of four cells, a picture, a header and a link."""
    written = python_docx.Document()
    written.core_properties.title, written.core_properties.author = "The report", "Ada"
    written.core_properties.created = written.core_properties.modified = WRITTEN
    written.add_heading("Report of 2021", 0)
    written.add_paragraph("One two three").add_run(" four").bold = True
    written.add_table(rows=2, cols=2).cell(0, 0).text = "a cell"
    written.add_picture(io.BytesIO(images.picture("PNG")))
    written.sections[0].header.paragraphs[0].text = "not counted"
    written.part.relate_to(LINK, RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
    return _docx(written)


def long_document() -> bytes:
    """A thousand paragraphs of ten words."""
    written = python_docx.Document()
    for _ in range(1000):
        written.add_paragraph("word " * 10)
    return _docx(written)


def _docx(written: Any) -> bytes:
    target = io.BytesIO()
    written.save(target)
    return dated(target.getvalue())


def books() -> bytes:
    """Two sheets, a formula, a link and a comment, by openpyxl, which writes the hour into it."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Figures"
    for number in range(20):
        sheet.append([number, f"row {number}", number / 3])
    sheet["E2"] = "=SUM(A1:A3)"
    sheet["B1"].hyperlink = LINK
    sheet["A1"].comment = openpyxl.comments.Comment("not counted", "author")
    book.create_sheet("Empty")
    target = io.BytesIO()
    book.save(target)
    core = (
        '<cp:coreProperties xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:dcterms="http://purl.org/dc/terms/" xmlns:xsi="http://www.w3.org/2001/XMLSchema'
        '-instance" xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/'
        'core-properties"><dc:title>Books</dc:title><dc:creator>Ada</dc:creator>'
        f'<dcterms:created xsi:type="dcterms:W3CDTF">{WRITTEN_AT}</dcterms:created>'
        f'<dcterms:modified xsi:type="dcterms:W3CDTF">{WRITTEN_AT}</dcterms:modified>'
        "</cp:coreProperties>"
    )
    return dated(target.getvalue(), {"docProps/core.xml": core})


def charts() -> bytes:
    """A sheet of texts and numbers, and one that is a chart, by XlsxWriter."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        book.set_properties({"title": "Charts", "author": "Ada", "created": WRITTEN})
        sheet = book.add_worksheet("Values")
        sheet.write_column("B2", [1, 2, 3])
        sheet.write_rich_string("A1", "two ", book.add_format({"bold": True}), "words")
        sheet.write_boolean("C7", True)
        chart = book.add_chart({"type": "line"})
        chart.add_series({"values": "=Values!$B$2:$B$4"})
        book.add_chartsheet("Chart").set_chart(chart)
    return target.getvalue()


def lines() -> bytes:
    """Texts in the cells themselves, as XlsxWriter writes when it may keep nothing in memory."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"constant_memory": True}) as book:
        book.set_properties({"created": WRITTEN})
        sheet = book.add_worksheet()
        for row in range(300):
            sheet.write_row(row, 0, [row, f"text of {row}"])
    return target.getvalue()


def talk() -> bytes:
    """Two slides with a title, a table and notes."""
    shown = python_pptx.Presentation()
    for number in range(2):
        slide = shown.slides.add_slide(shown.slide_layouts[5])
        slide.shapes.title.text = f"Slide {number}\nsecond line"
        frame: Any = slide.shapes.add_table(1, 2, 0, 0, 1000, 1000)
        frame.table.cell(0, 0).text = "cell"
        slide.shapes.add_picture(io.BytesIO(images.picture("PNG")), 0, 0)
        slide.notes_slide.notes_text_frame.text = "not counted"
    shown.core_properties.title, shown.core_properties.author = "A talk", "Ada"
    shown.core_properties.created = shown.core_properties.modified = WRITTEN
    target = io.BytesIO()
    shown.save(target)
    return dated(target.getvalue())


STRICT = office_parts.STRICT
SAMPLES = [
    document(
        "template.docx",
        installed("docx", "templates/default.docx"),
        common(None, "python-docx", (DOCX_AT, DOCX_AT), 0),
        words=0,
        pages=1,
        paragraphs=0,
    ),
    document(
        "report.docx",
        report,
        common("The report", "Ada", (WRITTEN_AT, WRITTEN_AT), 1),
        words=9,
        pages=1,
        paragraphs=7,
    ),
    document(
        "long.docx",
        long_document,
        common(None, "python-docx", (DOCX_AT, DOCX_AT), 0),
        words=10_000,
        pages=1,
        paragraphs=1000,
    ),
    document(
        "strict.docx",
        lambda: dated(office_parts.document(office_parts.paragraph("one t", "wo"), STRICT)),
        NOTHING,
        words=2,
        pages=None,
        paragraphs=1,
    ),
    workbook(
        "books.xlsx",
        books,
        common("Books", "Ada", (WRITTEN_AT, WRITTEN_AT), 1),
        40,
        ("Figures", 20, 5),
        ("Empty", 0, 0),
    ),
    workbook(
        "charts.xlsx",
        charts,
        common("Charts", "Ada", (WRITTEN_AT, WRITTEN_AT), 0),
        2,
        ("Values", 7, 3),
        ("Chart", 0, 0),
    ),
    workbook(
        "lines.xlsx",
        lines,
        common(None, None, (WRITTEN_AT, WRITTEN_AT), 0),
        900,
        ("Sheet1", 300, 2),
    ),
    show(
        "template.pptx",
        installed("pptx", "templates/default.pptx"),
        common(None, None, PPTX_AT, 0),
        0,
        0,
    ),
    show("talk.pptx", talk, common("A talk", "Ada", (WRITTEN_AT, WRITTEN_AT), 0), 2, 10),
    show("strict.pptx", lambda: dated(office_parts.show("", names=STRICT)), NOTHING, 1, 0),
]
