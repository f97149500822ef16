"""What Office files share: properties, links, what they run, and markup made to do harm."""

from __future__ import annotations

import pytest

from errors import catalogue
from filesvc.processors.documents import describe_document
from filesvc.processors.presentations import describe_presentation
from filesvc.processors.spreadsheets import describe_spreadsheet
from filesvc.processors.subject import Processor
from tests.files import office
from tests.files.archives import rewrite
from tests.files.office_parts import (
    CONTENT_TYPES,
    TRANSITIONAL,
    relationships,
)
from tests.filesvc.processors.telling import refusal, tell

KINDS: dict[str, tuple[Processor, bytes, str]] = {
    "docx": (describe_document, office.docx(), "word/document.xml"),
    "xlsx": (describe_spreadsheet, office.xlsx(), "xl/workbook.xml"),
    "pptx": (describe_presentation, office.pptx(), "ppt/presentation.xml"),
}
KIND = pytest.mark.parametrize("kind", KINDS)
CORE = "http://schemas.openxmlformats.org/package/2006/metadata/core-properties"
HUGE = f'<w:document xmlns:w="{TRANSITIONAL["w"]}">'


# --- links, macros and the like -------------------------------------------------------


def test_links_to_other_places_are_counted_in_every_part() -> None:
    links = relationships(
        ("a", "x/hyperlink", "https://example.org/"), ("b", "x/image", "a.png"), mode="External"
    )
    content = rewrite(
        office.docx(), replace={"word/_rels/footer9.xml.rels": links, "a/_rels/b.rels": links}
    )

    assert tell(describe_document, content)["external_links"] == 4


@KIND
@pytest.mark.parametrize(
    "part",
    ["word/vbaProject.bin", "odd/place/VBAPROJECT.BIN", "word/vbaData.xml", "xl/macrosheets/a.xml"],
)
def test_a_part_with_macros_is_told_and_refused(kind: str, part: str) -> None:
    processor, content, _ = KINDS[kind]
    content = rewrite(content, replace={part: b"x"})

    assert tell(processor, content)["has_macros"] is True
    assert refusal(processor, content) == catalogue.ActiveContent.code


@pytest.mark.parametrize(
    ("declared", "has_macros"),
    [
        ("application/vnd.ms-word.document.macroEnabled.main+xml", True),
        ("application/vnd.ms-office.VBAPROJECT", True),
        ("application/vnd.ms-excel.intlmacrosheet+xml", True),
        ("application/vnd.ms-office.activeX+xml", False),
    ],
)
def test_a_declared_type_of_code_is_refused(declared: str, has_macros: bool) -> None:
    types = (
        f'<Types xmlns="{CONTENT_TYPES}"><Default Extension="b" ContentType="{declared}"/></Types>'
    )
    content = rewrite(office.docx(), replace={"[Content_Types].xml": types})

    assert tell(describe_document, content)["has_macros"] is has_macros
    assert refusal(describe_document, content) == catalogue.ActiveContent.code


@pytest.mark.parametrize("kind", ["vbaProject", "control", "xlMacrosheet"])
def test_a_relationship_to_code_is_refused(kind: str) -> None:
    links = relationships(("a", f"http://schemas.microsoft.com/office/2006/{kind}", "image.png"))
    content = rewrite(office.xlsx(), replace={"xl/_rels/odd.rels": links})

    assert refusal(describe_spreadsheet, content) == catalogue.ActiveContent.code


def test_a_control_is_refused_by_the_name_of_its_part() -> None:
    content = rewrite(office.docx(), replace={"word/activeX/activeX1.xml": b"<a/>"})

    assert refusal(describe_document, content) == catalogue.ActiveContent.code


@pytest.mark.parametrize(
    ("target", "is_refused"),
    [
        ("https://example.org/t.dotm", True),
        ("mhtml:http://example.org/a!x-usc:b", True),
        ("\\\\server\\share\\t.dotm", True),
        ("file:///\\\\server\\share\\t.dotm", True),
        ("file:////server/share/t.dotm", True),
        ("file://server/share/t.dotm", True),
        ("file:///%5C%5Cserver/t.dotm", True),
        ("HTTP://EXAMPLE.ORG", True),
        ("file:///C:\\Users\\me\\Templates\\Normal.dotm", False),
        ("C:\\Templates\\Normal.dotm", False),
        ("file:///Users/me/Normal.dotm", False),
        ("file://localhost/Users/me/Normal.dotm", False),
        ("Normal.dotm", False),
    ],
)
@pytest.mark.parametrize("kind", ["attachedTemplate", "oleObject"])
def test_what_is_fetched_from_another_machine_on_opening_is_refused(
    kind: str, target: str, is_refused: bool
) -> None:
    links = relationships(("a", f"{TRANSITIONAL['r']}/{kind}", target), mode="External")
    content = rewrite(office.docx(), replace={"word/_rels/settings.xml.rels": links})

    assert (refusal(describe_document, content) is not None) is is_refused


def test_a_link_that_waits_for_a_click_is_no_reason_to_refuse() -> None:
    links = relationships(("a", f"{TRANSITIONAL['r']}/hyperlink", "https://a.org"), mode="External")
    content = rewrite(office.docx(), replace={"word/_rels/settings.xml.rels": links})

    assert refusal(describe_document, content) is None


# --- parts that are missing, circular or somewhere else --------------------------------


@KIND
@pytest.mark.parametrize("part", ["[Content_Types].xml", "_rels/.rels", "main"])
def test_a_file_without_a_part_it_needs_is_corrupt(kind: str, part: str) -> None:
    processor, content, main = KINDS[kind]

    with pytest.raises(catalogue.CorruptContent):
        tell(processor, rewrite(content, leave_out=(main if part == "main" else part,)))


def test_parts_that_lead_to_each_other_end() -> None:
    kind = f"{TRANSITIONAL['r']}/header"
    round_and_round = relationships(("a", kind, "../word/header1.xml"), ("b", kind, "header1.xml"))
    header = f'<w:hdr xmlns:w="{TRANSITIONAL["w"]}"/>'
    parts: dict[str, str | bytes] = {
        "word/_rels/document.xml.rels": round_and_round,
        "word/_rels/header1.xml.rels": round_and_round,
        "word/header1.xml": header,
    }

    assert tell(describe_document, rewrite(office.docx("One"), replace=parts))["words"] == 3


@pytest.mark.parametrize(
    "target",
    ["/word/document.xml", "./word/../word/document.xml", "../../WORD/%64ocument.xml"],
)
def test_a_target_is_found_as_a_path_in_the_package(target: str) -> None:
    links = relationships(("a", f"{TRANSITIONAL['r']}/officeDocument", target))

    told = tell(describe_document, rewrite(office.docx("x"), replace={"_rels/.rels": links}))

    assert told["words"] == 3


def test_two_parts_whose_names_differ_in_case_alone_are_corrupt() -> None:
    with pytest.raises(catalogue.CorruptContent):
        tell(describe_document, rewrite(office.docx(), replace={"WORD/document.xml": "<a/>"}))


@pytest.mark.parametrize(
    "links", [[("a", "x/image", "i" * 2001)], [("a", "x/image", "i")] * 20_001]
)
def test_relationships_out_of_all_measure_are_corrupt(links: list[tuple[str, str, str]]) -> None:
    parts: dict[str, str | bytes] = {"word/_rels/odd.rels": relationships(*links)}

    with pytest.raises(catalogue.CorruptContent):
        tell(describe_document, rewrite(office.docx(), replace=parts))
