"""What is told of a text document, against python-docx and against counting by hand."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import docx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from errors import catalogue
from filesvc.processors.documents import describe_document
from filesvc.processors.markup import FALLBACK
from tests.files import office
from tests.files.archives import rewrite
from tests.files.office_parts import (
    STRICT,
    TRANSITIONAL,
    document,
    package,
    paragraph,
    relationships,
)
from tests.filesvc.processors.telling import refusal, tell

MARKUP_COMPATIBILITY = "http://schemas.openxmlformats.org/markup-compatibility/2006"
# What XML can hold and python-docx writes as it is; it makes elements of tabs and line ends.
WORDS = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=6)
RUNS = st.lists(st.one_of(WORDS, st.sampled_from([" ", "\t", "\n", "&", "<b>", "\u3000"])))


def describe(content: bytes) -> dict[str, Any]:
    return tell(describe_document, content)


def count(body: str) -> tuple[int, int]:
    """Words and paragraphs of a document with this body."""
    told = describe(document(body))
    return told["words"], told["paragraphs"]


def saved(writing: Any) -> bytes:
    target = io.BytesIO()
    writing.save(target)
    return target.getvalue()


def test_every_field_of_a_document_is_told() -> None:
    writing = docx.Document()
    writing.core_properties.title = "Annual  report\n"
    writing.core_properties.author = "Zoë"
    writing.core_properties.created = datetime(2024, 2, 29, 12, 30, tzinfo=UTC)
    writing.core_properties.modified = datetime(2024, 3, 1, tzinfo=UTC)
    writing.add_paragraph("one two").add_run(" three")
    writing.add_table(1, 2).cell(0, 1).text = "cell"
    writing.sections[0].header.paragraphs[0].text = "not counted"
    writing.part.relate_to("https://example.org/", "x/hyperlink", is_external=True)

    assert describe(saved(writing)) == {
        "kind": "document",
        "title": "Annual report",
        "author": "Zoë",
        "created_at": "2024-02-29T12:30:00Z",
        "modified_at": "2024-03-01T00:00:00Z",
        "words": 4,
        "external_links": 1,
        "has_macros": False,
        "pages": 1,
        "paragraphs": 3,
    }


@pytest.mark.property
@given(paragraphs=st.lists(RUNS, max_size=6), cell=WORDS)
@example(paragraphs=[["a", "b", " ", "c"], []], cell="x")
def test_words_and_paragraphs_are_those_that_were_written(
    paragraphs: list[list[str]], cell: str
) -> None:
    writing = docx.Document()
    for runs in paragraphs:
        written = writing.add_paragraph()
        for run in runs:
            written.add_run(run)
    writing.add_table(1, 1).cell(0, 0).text = cell

    told = describe(saved(writing))

    assert told["words"] == sum(len("".join(runs).split()) for runs in paragraphs) + 1
    assert told["paragraphs"] == len(paragraphs) + 1


@pytest.mark.parametrize("names", [TRANSITIONAL, STRICT])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_both_forms_of_the_standard_and_both_encodings_are_read(
    names: dict[str, str], encoding: str
) -> None:
    told = describe(document(paragraph("née ", "eins zwei"), names, encoding))

    assert (told["words"], told["paragraphs"]) == (3, 1)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (paragraph("wo", "rd"), 1),
        (paragraph("one") + paragraph("two"), 2),
        ("<w:p><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t></w:r></w:p>", 3),
        ("<w:p><w:r><w:t>a</w:t><w:noBreakHyphen/><w:t>b</w:t></w:r></w:p>", 1),
        ("<w:p><w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p>", 0),
        ("<w:p><w:r><w:instrText>PAGE</w:instrText></w:r></w:p>", 0),
        ("<w:p>stray</w:p>", 0),
        ("<w:p><w:r><w:t><![CDATA[a b]]>&amp;c</w:t></w:r></w:p>", 2),
    ],
)
def test_words_are_counted_as_a_reader_sees_them(body: str, words: int) -> None:
    assert count(body)[0] == words


def test_a_paragraph_goes_on_after_the_text_box_inside_it() -> None:
    box = f"<w:r><w:txbxContent>{paragraph('in the box')}</w:txbxContent></w:r>"
    body = f"<w:p><w:r><w:t>be</w:t></w:r>{box}<w:r><w:t>fore</w:t></w:r></w:p>"

    assert count(body) == (4, 2)


def test_what_old_programs_are_shown_instead_is_not_counted_twice() -> None:
    inside = paragraph("in the box")
    body = (
        f'<mc:AlternateContent xmlns:mc="{MARKUP_COMPATIBILITY}"><mc:Choice>{inside}</mc:Choice>'
        f"<mc:Fallback>{inside}</mc:Fallback></mc:AlternateContent>{paragraph('after')}"
    )

    assert count(body) == (4, 2)


@pytest.mark.parametrize(
    ("pages", "told"),
    [("7", 7), (" 12 ", 12), ("0", None), ("-1", None), ("²", None), ("9" * 30, None), ("", None)],
)
def test_pages_are_those_the_program_counted_or_none(pages: str, told: int | None) -> None:
    namespace = "http://schemas.openxmlformats.org/officeDocument/2006/extended-properties"
    part = f'<Properties xmlns="{namespace}"><Pages>{pages}</Pages></Properties>'

    content = rewrite(office.docx(), replace={"docProps/app.xml": part})

    assert describe(content)["pages"] == told


@pytest.mark.parametrize(
    "field",
    [
        '<w:fldSimple w:instr=" DDEAUTO c:\\\\windows cmd "/>',
        "<w:r><w:instrText> dde</w:instrText></w:r><w:r><w:instrText>auto x</w:instrText></w:r>",
        '<w:fldChar w:fldCharType="begin"/><w:instrText>DDE "x"</w:instrText>',
    ],
)
@pytest.mark.parametrize("place", ["document", "header", "comments", "fallback"])
def test_a_field_that_starts_a_program_is_refused_wherever_it_stands(
    field: str, place: str
) -> None:
    content = document(f"<w:p>{field}</w:p>")
    if place == "header":
        header = f'<w:hdr xmlns:w="{TRANSITIONAL["w"]}"><w:p>{field}</w:p></w:hdr>'
        main = f'<w:document xmlns:w="{TRANSITIONAL["w"]}"/>'
        links = (("h", "header", "header1.xml"),)
        content = package("docx", main, {"word/header1.xml": header}, links)
    if place == "comments":
        comments = f'<w:comments xmlns:w="{TRANSITIONAL["w"]}"><w:p>{field}</w:p></w:comments>'
        main = f'<w:document xmlns:w="{TRANSITIONAL["w"]}"/>'
        links = (("c", "comments", "comments.xml"),)
        content = package("docx", main, {"word/comments.xml": comments}, links)
    if place == "fallback":  # Word shows it when it does not know what the choice needs
        space = FALLBACK.partition("}")[0][1:]
        content = document(
            f'<m:AlternateContent xmlns:m="{space}"><m:Choice xmlns:z="urn:z" Requires="z"/>'
            f"<m:Fallback><w:p>{field}</w:p></m:Fallback></m:AlternateContent>"
        )

    assert refusal(describe_document, content) == catalogue.ActiveContent.code


GLOSSARY = "glossary/document.xml"
PROGRAM = '<w:p><w:fldSimple w:instr="DDEAUTO c:\\\\windows cmd"/></w:p>'


def with_building_blocks(
    block: str, names: dict[str, str] = TRANSITIONAL, header: str = ""
) -> bytes:
    """A document with one building block, which has a header of its own."""
    space = f'xmlns:w="{names["w"]}"'
    body = f"<w:docPart><w:docPartBody>{block}</w:docPartBody></w:docPart>"
    parts: dict[str, str | bytes] = {
        f"word/{GLOSSARY}": f"<w:glossaryDocument {space}><w:docParts>{body}</w:docParts>"
        "</w:glossaryDocument>",
        "word/glossary/header1.xml": f"<w:hdr {space}>{header}</w:hdr>",
        "word/glossary/_rels/document.xml.rels": relationships(
            ("h", f"{names['r']}/header", "header1.xml")
        ),
    }
    main = f"<w:document {space}><w:body>{paragraph('one two')}</w:body></w:document>"
    return package("docx", main, parts, (("g", "glossaryDocument", GLOSSARY),), names)


@pytest.mark.parametrize("names", [TRANSITIONAL, STRICT])
def test_a_field_that_starts_a_program_is_refused_in_building_blocks(names: dict[str, str]) -> None:
    in_block = with_building_blocks(PROGRAM, names)
    in_its_header = with_building_blocks("<w:p/>", names, header=PROGRAM)

    assert refusal(describe_document, in_block) == catalogue.ActiveContent.code
    assert refusal(describe_document, in_its_header) == catalogue.ActiveContent.code


def test_building_blocks_are_accepted_and_their_words_not_counted() -> None:
    content = with_building_blocks(
        paragraph("more words") + '<w:p><w:fldSimple w:instr="PAGE"/></w:p>'
    )

    assert refusal(describe_document, content) is None
    assert (describe(content)["words"], describe(content)["paragraphs"]) == (2, 1)


@pytest.mark.parametrize("code", ["PAGE", "ADDRESS dde", 'HYPERLINK "dde"', "DDEX"])
def test_other_fields_are_no_reason_to_refuse(code: str) -> None:
    content = document(f"<w:p><w:instrText>{code}</w:instrText></w:p>")

    assert refusal(describe_document, content) is None


def test_a_workbook_under_the_name_of_a_document_is_corrupt() -> None:
    with pytest.raises(catalogue.CorruptContent):
        describe(office.xlsx())
