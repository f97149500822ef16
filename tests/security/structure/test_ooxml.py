"""An office file is of the kind its name says, whole, and runs nothing."""

from __future__ import annotations

import io
from typing import Any

import openpyxl
import pytest
from docx import Document
from pptx import Presentation

from tests import samples
from tests.files import office
from tests.files.archives import MIB, Member, nested, pack, rewrite
from tests.security.structure.variations import find_changes, samples_of
from tests.security.structure.verdicts import OFFICE_TYPES, office_verdict

KINDS = sorted(OFFICE_TYPES)
REAL = {"docx": office.docx(), "xlsx": office.xlsx(), "pptx": office.pptx()}
MAIN_PARTS = {kind: samples.OFFICE_PARTS[kind][1] for kind in KINDS}


def changed(kind: str, **parts: str | bytes) -> bytes:
    """The smallest file of that kind with some parts replaced or added."""
    return samples.archive(samples.office_parts(kind) | parts)


def with_types(kind: str, old: str, new: str) -> bytes:
    """The same, with something else declared in its content types."""
    types = str(samples.office_parts(kind)["[Content_Types].xml"])
    assert old in types
    return changed(kind, **{"[Content_Types].xml": types.replace(old, new)})


# --- what programs write --------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_libraries_write_is_accepted(kind: str) -> None:
    assert office_verdict(REAL[kind], kind) == "accepted"
    assert office_verdict(samples.office(kind), kind) == "accepted"


def test_the_smallest_files_are_files_to_the_libraries() -> None:
    assert Document(io.BytesIO(samples.office("docx"))).paragraphs == []
    assert openpyxl.load_workbook(io.BytesIO(samples.office("xlsx"))).sheetnames == ["One"]
    assert len(Presentation(io.BytesIO(samples.office("pptx"))).slides) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_the_parts_does_not_matter(kind: str) -> None:
    for order in (str.lower, lambda name: name[::-1], len):
        assert office_verdict(rewrite(REAL[kind], order=order), kind) == "accepted"


def test_an_embedded_workbook_is_accepted_and_looked_into() -> None:
    embedded = {"word/embeddings/book.xlsx": REAL["xlsx"]}
    macros = rewrite(REAL["xlsx"], replace={"xl/vbaProject.bin": b"x"})

    assert office_verdict(rewrite(REAL["docx"], replace=dict(embedded))) == "accepted"
    embedded["word/embeddings/book.xlsx"] = macros
    assert office_verdict(rewrite(REAL["docx"], replace=dict(embedded))) == "active_content"


def test_a_packed_drawing_and_an_ole_object_are_accepted() -> None:
    drawing = b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x03\0" + bytes(8)
    ole_object = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(2000)

    content = changed(
        "docx", **{"word/media/a.emz": drawing, "word/embeddings/oleObject1.bin": ole_object}
    )

    assert office_verdict(content) == "accepted"


def test_a_picture_in_svg_may_have_its_document_type() -> None:
    svg = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x.dtd"><svg/>'

    assert office_verdict(changed("docx", **{"word/media/a.svg": svg})) == "accepted"


# --- another kind ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", KINDS)
def test_a_kind_is_only_itself(kind: str, other: str) -> None:
    expected = "accepted" if kind == other else "content_mismatch"

    assert office_verdict(REAL[kind], other) == expected


@pytest.mark.parametrize(
    "content", [samples.archive({}), samples.archive({"a.txt": "hello"}), nested(2, REAL["docx"])]
)
def test_a_plain_archive_is_no_office_file(content: bytes) -> None:
    assert office_verdict(content) == "content_mismatch"


@pytest.mark.parametrize("content", [b"PK\3\4", b"hello", b"", REAL["docx"][:5000]])
def test_what_is_no_archive_is_no_office_file(content: bytes) -> None:
    assert office_verdict(content) == "corrupt_content"


def test_a_template_under_the_name_of_a_document_is_refused() -> None:
    template = with_types("docx", "document.main+xml", "template.main+xml")

    assert office_verdict(template) == "content_mismatch"


def test_a_decoy_does_not_make_the_kind() -> None:
    content = with_types(
        "xlsx",
        "<Override",
        '<Override PartName="/decoy.xml" ContentType="application/vnd.openxmlformats-'
        'officedocument.wordprocessingml.document.main+xml"/><Override',
    )

    assert office_verdict(content, "docx") == "content_mismatch"


@pytest.mark.parametrize("part", ["_rels/.rels", "word/document.xml"])
def test_a_document_without_a_part_it_needs_is_refused(part: str) -> None:
    parts = samples.office_parts("docx")
    del parts[part]

    assert office_verdict(samples.archive(parts)) == "corrupt_content"


def test_two_main_parts_are_refused() -> None:
    relationships = str(samples.office_parts("docx")["_rels/.rels"])
    second = relationships.replace("</Relationships>", "").replace("rId1", "rId0")
    second += relationships[relationships.index("<Relationship ") :].replace(
        "document.xml", "b.xml"
    )

    content = changed("docx", **{"_rels/.rels": second, "word/b.xml": "<b/>"})

    assert office_verdict(content) == "ambiguous_content"


def test_a_part_of_two_types_is_refused() -> None:
    twice = '<Override PartName="/word/DOCUMENT.xml" ContentType="application/xml"/><Override '

    assert office_verdict(with_types("docx", "<Override ", twice)) == "ambiguous_content"


# --- what runs ------------------------------------------------------------------------

MACRO_TYPES = {
    "docx": "application/vnd.ms-word.document.macroEnabled.main+xml",
    "xlsx": "application/vnd.ms-excel.sheet.macroEnabled.main+xml",
    "pptx": "application/vnd.ms-powerpoint.presentation.macroEnabled.main+xml",
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_with_macros_under_the_plain_name_is_refused(kind: str) -> None:
    plain = f"{OFFICE_TYPES[kind]}.main+xml"

    assert office_verdict(with_types(kind, plain, MACRO_TYPES[kind]), kind) == "active_content"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "word/vbaProject.bin",
            "word/VBAPROJECT.BIN",
            "word/vbaData.xml",
            "vbaProjectSignature.bin",
        ),
        *("xl/macrosheets/sheet1.xml", "xl/intlMacrosheets/a.xml", "word/activeX/activeX1.bin"),
    ],
)
def test_a_part_that_runs_is_refused(name: str) -> None:
    assert office_verdict(changed("docx", **{name: "<x/>"})) == "active_content"


@pytest.mark.parametrize(
    "declared",
    [
        *("application/vnd.ms-office.vbaProject", "application/vnd.ms-excel.macrosheet+xml"),
        *("application/vnd.ms-excel.intlmacrosheet+xml", "application/vnd.ms-office.activeX+xml"),
    ],
)
def test_a_type_that_runs_is_refused_whatever_its_part_is_called(declared: str) -> None:
    default = f'<Default Extension="dat" ContentType="{declared}"/><Default '

    assert office_verdict(with_types("docx", "<Default ", default)) == "active_content"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be"])
def test_a_link_that_starts_a_program_is_refused(encoding: str) -> None:
    link = '<externalLink xmlns="x"><ddeLink ddeService="cmd" ddeTopic="/c calc"/></externalLink>'
    book = '<externalLink xmlns="x"><externalBook/></externalLink>'

    for part, code in ((link, "active_content"), (book, "accepted")):
        mark = "\ufeff" if encoding == "utf-16-be" else ""
        content = (mark + part).encode(encoding)
        parts = {"xl/externalLinks/externalLink1.xml": content}
        assert office_verdict(changed("xlsx", **parts), "xlsx") == code


@pytest.mark.parametrize("name", ["xl/links/a.xml", "a.bin"])
@pytest.mark.parametrize("prefix", ["", "x:"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_link_that_starts_a_program_is_found_in_any_part(
    name: str, prefix: str, encoding: str
) -> None:
    link = f'<{prefix}externalLink xmlns="x" xmlns:x="x"><{prefix}ddeLink/></{prefix}externalLink>'
    text = "<a>a ddeLink in words, &lt;ddeLink></a>"

    for part, code in ((link, "active_content"), (text, "accepted")):
        parts: dict[str, str | bytes] = {name: part.encode(encoding)}
        assert office_verdict(changed("xlsx", **parts), "xlsx") == code


def test_a_main_part_in_another_spelling_is_a_second_one() -> None:
    root = str(samples.office_parts("docx")["_rels/.rels"])
    decoy = '<Relationship Id="x" Type="urn:x/OFFICEDOCUMENT" Target="word/other.xml"/>'
    parts = {"_rels/.rels": root.replace("<Relationship ", f"{decoy}<Relationship ", 1)}

    assert office_verdict(changed("docx", **parts, **{"word/other.xml": "<a/>"})) == (
        "ambiguous_content"
    )


# --- the rules of archives ------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"word/a.bin": bytes(30 * MIB)}, "archive_limits_exceeded"),
        ({"../a.xml": "<a/>"}, "archive_unsafe_entry"),
        ({"WORD/document.xml": "<a/>"}, "archive_unsafe_entry"),
        ({"word/media/a.png": nested(3)}, "archive_limits_exceeded"),
        ({"word/a.xml/[0].piece": "<a/>"}, "corrupt_content"),
        ({"word/embeddings/a.bin": office.encrypted_office()}, "encrypted_content"),
    ],
    ids=["bomb", "traversal", "case", "depth", "piece", "encrypted"],
)
def test_an_office_file_is_an_archive_too(parts: dict[str, Any], code: str) -> None:
    assert office_verdict(changed("docx", **parts)) == code


def test_something_around_the_archive_is_refused() -> None:
    assert office_verdict(samples.office("docx") + b"MZ") == "ambiguous_content"
    assert office_verdict(b"\x89PNG" + samples.office("docx")) == "ambiguous_content"


def test_an_office_file_that_begins_like_a_pdf_is_refused() -> None:
    first = Member(b"word/a.bin", samples.pdf(), method=0)
    parts = samples.office_parts("docx").items()
    members = [Member(name.encode(), str(content).encode()) for name, content in parts]

    between = Member(b"word/b.bin", bytes(1024), method=0)

    assert office_verdict(pack(*members, between, first)) == "accepted"
    assert office_verdict(pack(first, *members)) == "ambiguous_content"


def test_an_endless_list_of_content_types_is_refused() -> None:
    many = "".join(f'<Default Extension="{n}" ContentType="a/b"/>' for n in range(10_001))

    assert office_verdict(with_types("docx", "<Default ", f"{many}<Default ")) == (
        "archive_limits_exceeded"
    )


@samples_of(*OFFICE_TYPES.values())
def test_no_variation_of_a_file_is_judged_otherwise_unnoticed(name: str) -> None:
    assert find_changes(name) == []
