"""Office files made to do harm by their markup or their container, and files that are damaged."""

from __future__ import annotations

import contextlib
import errno
import io
import random
import re
import zipfile
from pathlib import Path

import pytest

from errors import catalogue
from errors.base import ServiceError
from filesvc.processors import archive_file
from filesvc.processors.documents import describe_document
from filesvc.processors.markup import MAX_DEPTH, MAX_NAME
from filesvc.processors.presentations import describe_presentation
from filesvc.processors.spreadsheets import describe_spreadsheet
from filesvc.processors.subject import Processor, Subject
from tests.files import office
from tests.files.archives import Member, flat_bomb, pack, rewrite
from tests.files.office_parts import TRANSITIONAL, document, package, paragraph, workbook
from tests.filesvc.processors.telling import refusal, tell

KINDS: dict[str, tuple[Processor, bytes]] = {
    "docx": (describe_document, office.docx()),
    "xlsx": (describe_spreadsheet, office.xlsx()),
    "pptx": (describe_presentation, office.pptx()),
    "strings": (describe_spreadsheet, workbook("", "<si/>")),
}
PARTS = [
    ("docx", "word/document.xml"),
    ("docx", "docProps/core.xml"),
    ("docx", "docProps/app.xml"),
    ("docx", "_rels/.rels"),
    ("docx", "[Content_Types].xml"),
    ("xlsx", "xl/workbook.xml"),
    ("xlsx", "xl/worksheets/sheet1.xml"),
    ("strings", "xl/sharedStrings.xml"),
    ("pptx", "ppt/presentation.xml"),
    ("pptx", "ppt/slides/slide1.xml"),
]
DECLARATIONS = {
    "external entity": '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
    "external DTD": '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">',
    "parameter entity": '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:9/"> %p;]>',
    "billion laughs": "<!DOCTYPE x [<!ENTITY a0 'ha'>"
    + "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 10))
    + "]>",
    "harmless": "<!DOCTYPE x>",
}
W = f'xmlns:w="{TRANSITIONAL["w"]}"'


def describe_main(main: str | bytes) -> dict[str, object]:
    """What is told of a document of which this is the main part."""
    return tell(describe_document, package("docx", main))


def put_first(content: bytes, part: str, markup: str) -> bytes:
    """The same file, with markup in front of the root element of one part."""
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        rest = re.sub(rb"^<\?xml.*?\?>", b"", packed.read(part))
    return rewrite(content, replace={part: markup.encode() + rest})


@pytest.mark.parametrize("declaration", DECLARATIONS.values(), ids=DECLARATIONS.keys())
@pytest.mark.parametrize(("kind", "part"), PARTS)
def test_a_document_type_is_refused_in_every_part(kind: str, part: str, declaration: str) -> None:
    processor, content = KINDS[kind]

    with pytest.raises(catalogue.CorruptContent) as raised:
        tell(processor, put_first(content, part, declaration))
    assert raised.value.note == "DTD in XML"


def test_an_entity_nobody_declared_is_corrupt() -> None:
    with pytest.raises(catalogue.CorruptContent):
        describe_main(f"<w:document {W}>&e;</w:document>")


def test_markup_nested_without_end_is_refused_and_deep_tables_are_not() -> None:
    deep = "<w:tbl>" * (MAX_DEPTH - 2) + "<w:p/>" + "</w:tbl>" * (MAX_DEPTH - 2)

    assert tell(describe_document, package("docx", f"<w:document {W}>{deep}</w:document>"))
    with pytest.raises(catalogue.CorruptContent) as raised:
        describe_main(f"<w:document {W}>" + "<w:p>" * 100_000)
    assert raised.value.note == "XML out of all measure"


@pytest.mark.parametrize("attributes", [1_000, 1_000_000])
def test_an_element_of_any_number_of_attributes_ends(attributes: int) -> None:
    crowd = "".join(f' a{number}=""' for number in range(attributes))
    content = package("docx", f"<w:document {W}><w:p{crowd}/></w:document>")

    if attributes == 1_000:
        assert tell(describe_document, content)["paragraphs"] == 1
    else:
        with pytest.raises(catalogue.CorruptContent):
            tell(describe_document, content)


def test_a_namespace_that_every_tag_would_repeat_is_refused() -> None:
    names = f'{W} xmlns:x="{"u" * MAX_NAME}"'

    with pytest.raises(catalogue.CorruptContent):
        describe_main(f"<w:document {names}>{'<x:a/>' * 100_000}</w:document>")


@pytest.mark.parametrize(
    "main",
    [
        "",
        "no markup",
        "<document/>",
        '<w:document xmlns:w="http://example.org/"/>',
        f"<w:body {W}/>",
        f"<w:document {W}>",
        f"<w:document {W}/><w:document {W}/>",
        f"<w:document {W}>\0</w:document>",
        f'<?xml version="1.0" encoding="utf-7"?><w:document {W}>+ADw-</w:document>'.encode(),
        f"<w:document {W}>caf".encode() + b"\xe9</w:document>",
        f"<w:document {W}/>".encode("utf-16")[:-1],
    ],
)
def test_what_is_not_the_xml_it_should_be_is_corrupt(main: str | bytes) -> None:
    with pytest.raises(catalogue.CorruptContent):
        describe_main(main)


# --- the container ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "member",
    [
        Member(b"word/document.xml", b"<a/>", told_bytes=3),
        Member(b"word/document.xml", b"<a/>", told_bytes=5),
        Member(b"word/document.xml", b"<a/>", crc=0),
        Member(b"word/document.xml", b"<a/>", payload=b"\xff"),
        Member(b"word/document.xml", b"<a/>", method=12),
        Member(b"word/document.xml", b"<a/>", local_name=b"word/other.xml"),
        Member(b"word/document.xml", b"<a/>", offset=2**31),
    ],
)
def test_a_member_that_lies_is_corrupt(member: Member) -> None:
    archive = archive_file.open_archive(Subject("", 0, "", io.BytesIO(pack(member))))

    with pytest.raises(catalogue.CorruptContent):
        list(archive_file.unpack(archive, archive.infolist()[0]))


def test_a_member_in_front_of_the_file_on_disk_is_corrupt(tmp_path: Path) -> None:
    content = bytearray(office.docx())
    record = content.rfind(b"PK\5\6")
    content[record + 16 : record + 20] = b"\xff\xff\xff\x7f"  # the directory, 2 GiB further on
    (tmp_path / "file").write_bytes(content)

    with (tmp_path / "file").open("rb") as source, pytest.raises(catalogue.CorruptContent):
        describe_document(Subject("", 0, "", source))


def test_a_member_is_unpacked_in_steps_and_never_past_the_size_it_tells() -> None:
    content = flat_bomb(mebibytes=64, told_bytes=1024**2)
    archive = archive_file.open_archive(Subject("", 0, "", io.BytesIO(content)))
    sizes: list[int] = []

    with pytest.raises(catalogue.CorruptContent):
        sizes.extend(map(len, archive_file.unpack(archive, archive.infolist()[0])))
    assert sum(sizes) <= 1024**2
    assert max(sizes) <= archive_file.CHUNK_BYTES


def test_a_fault_of_the_disk_is_no_fault_of_the_file() -> None:
    class Failing(io.BytesIO):
        """A disk that fails once the directory is read."""

        is_failing = False

        def read(self, size: int | None = -1) -> bytes:
            if self.is_failing:
                raise OSError(errno.EIO, "Input/output error")
            return super().read(size)

    source = Failing(office.docx())
    archive = archive_file.open_archive(Subject("", 0, "", source))
    source.is_failing = True

    with pytest.raises(OSError, match="Input/output"):
        list(archive_file.unpack(archive, archive.infolist()[0]))


def test_long_work_is_reported_and_its_percents_grow() -> None:
    reports: list[tuple[str, int]] = []
    text = paragraph("word " * 4_000_000)
    content = document(text)

    describe_document(Subject("", 0, "", io.BytesIO(content), lambda *told: reports.append(told)))

    assert len(reports) == 2
    assert reports == sorted(reports)
    assert all(stage == "reading" and 0 < percent < 100 for stage, percent in reports)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_file_is_told_or_refused(kind: str, seed: int) -> None:
    processor, content = KINDS[kind]
    chance = random.Random(seed)  # noqa: S311 - no secret
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        parts = {name: packed.read(name) for name in packed.namelist() if name.endswith("xml")}

    for _ in range(60):
        name = chance.choice([None, *parts])
        damaged = bytearray(content if name is None else parts[name])
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(damaged))
            damaged[place : place + chance.randint(0, 9)] = chance.randbytes(chance.randint(0, 3))
        whole = bytes(damaged) if name is None else rewrite(content, replace={name: bytes(damaged)})
        with contextlib.suppress(ServiceError):
            assert tell(processor, whole)["words"] >= 0
            assert refusal(processor, whole) in (None, "active_content")
