"""What is told of a slide show, against python-pptx and against counting by hand."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pptx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import catalogue
from filesvc.processors.presentations import describe_presentation
from tests.files import office
from tests.files.archives import rewrite
from tests.files.office_parts import STRICT, TRANSITIONAL, show
from tests.filesvc.processors.telling import tell

LINES = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=20)


def describe(content: bytes) -> dict[str, Any]:
    return tell(describe_presentation, content)


def saved(slides: Any) -> bytes:
    target = io.BytesIO()
    slides.save(target)
    return target.getvalue()


def test_every_field_of_a_presentation_is_told() -> None:
    slides = pptx.Presentation()
    slides.core_properties.title = "Show"
    slides.core_properties.author = "Zoë"
    slides.core_properties.created = datetime(2024, 2, 29, 12, 30, tzinfo=UTC)
    slides.core_properties.modified = datetime(2024, 3, 1, tzinfo=UTC)
    slide = slides.slides.add_slide(slides.slide_layouts[5])
    slide.shapes.title.text = "Hello big world"
    run = slide.shapes.add_textbox(0, 0, 9, 9).text_frame.paragraphs[0].add_run()
    run.text, run.hyperlink.address = "link", "https://example.org/"
    slide.shapes.add_table(1, 1, 0, 0, 9, 9).table.cell(0, 0).text = "cell"
    slide.notes_slide.notes_text_frame.text = "not counted"

    assert describe(saved(slides)) == {
        "kind": "presentation",
        "title": "Show",
        "author": "Zoë",
        "created_at": "2024-02-29T12:30:00Z",
        "modified_at": "2024-03-01T00:00:00Z",
        "words": 5,
        "external_links": 1,
        "has_macros": False,
        "slides": 1,
    }


@pytest.mark.property
@given(shown=st.lists(st.lists(LINES, max_size=3), max_size=4))
def test_slides_and_words_are_those_that_were_written(shown: list[list[str]]) -> None:
    slides = pptx.Presentation()
    for lines in shown:
        slide = slides.slides.add_slide(slides.slide_layouts[6])
        slide.shapes.add_textbox(0, 0, 9, 9).text_frame.text = "\n".join(lines)

    told = describe(saved(slides))

    assert told["slides"] == len(shown)
    assert told["words"] == sum(len(line.split()) for lines in shown for line in lines)


@pytest.mark.parametrize("names", [TRANSITIONAL, STRICT])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_both_forms_of_the_standard_and_both_encodings_are_read(
    names: dict[str, str], encoding: str
) -> None:
    slide = "<a:p><a:r><a:t>né </a:t></a:r></a:p>"

    told = describe(show(slide, slide, names=names, encoding=encoding))

    assert (told["slides"], told["words"]) == (2, 2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<a:p><a:r><a:t>wo</a:t></a:r><a:r><a:t>rd</a:t></a:r></a:p>", 1),
        ("<a:p><a:t>one</a:t></a:p><a:p><a:t>two</a:t></a:p>", 2),
        ("<a:p><a:t>one</a:t><a:br/><a:t>two</a:t></a:p>", 2),
        ("<a:p>stray</a:p>", 0),
    ],
)
def test_words_are_counted_as_a_reader_sees_them(text: str, words: int) -> None:
    assert describe(show(text))["words"] == words


def test_a_slide_that_is_no_longer_listed_is_not_counted() -> None:
    names = f'xmlns:p="{TRANSITIONAL["p"]}" xmlns:r="{TRANSITIONAL["r"]}"'
    main = f'<p:presentation {names}><p:sldId r:id="slide1"/></p:presentation>'
    content = show("<a:p><a:t>old one</a:t></a:p>", "<a:p><a:t>new</a:t></a:p>")

    told = describe(rewrite(content, replace={"ppt/presentation.xml": main}))

    assert (told["slides"], told["words"]) == (1, 1)


@pytest.mark.parametrize("missing", ["ppt/slides/slide0.xml", "ppt/_rels/presentation.xml.rels"])
def test_a_slide_that_leads_nowhere_is_corrupt(missing: str) -> None:
    with pytest.raises(catalogue.CorruptContent):
        describe(rewrite(show(""), leave_out=(missing,)))


def test_a_document_under_the_name_of_a_presentation_is_corrupt() -> None:
    with pytest.raises(catalogue.CorruptContent):
        describe(office.docx())
