"""Office files as the programs that write them make them."""

from __future__ import annotations

import io
import struct

import docx as python_docx
import openpyxl
import pptx as python_pptx

from tests import samples


def docx(text: str = "Hello", *, picture: bool = True) -> bytes:
    """A text document: a heading, a paragraph, a table and a picture."""
    document = python_docx.Document()
    document.add_heading("Report", 0)
    document.add_paragraph(text)
    document.add_table(rows=2, cols=2).cell(0, 0).text = "cell"
    if picture:
        document.add_picture(io.BytesIO(samples.image("PNG")))
    target = io.BytesIO()
    document.save(target)
    return target.getvalue()


def xlsx(rows: int = 3) -> bytes:
    """A workbook of two sheets, with a link, a formula and a comment."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for number in range(rows):
        sheet.append([number, f"row {number}"])
    sheet["C1"] = "=SUM(A1:A3)"
    sheet["D1"].hyperlink = "https://example.org/"
    sheet["D1"].comment = openpyxl.comments.Comment("a note", "author")
    book.create_sheet("Second")
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def pptx(slides: int = 2) -> bytes:
    """A presentation with a title and a picture on each slide."""
    show = python_pptx.Presentation()
    for number in range(slides):
        slide = show.slides.add_slide(show.slide_layouts[5])
        title = slide.shapes.title
        assert title is not None
        title.text = f"Slide {number}"
        slide.shapes.add_picture(io.BytesIO(samples.image("PNG")), 0, 0)
    target = io.BytesIO()
    show.save(target)
    return target.getvalue()


def encrypted_office() -> bytes:
    """An OLE container as Office writes it around a file with a password (MS-CFB, MS-OFFCRYPTO).

    One sector of FAT, one of directory, one of content.
    """
    free, end, fat_sector, none = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF
    head = struct.pack(
        "<8s16s6H10L",
        *(bytes.fromhex("d0cf11e0a1b11ae1"), bytes(16), 0x3E, 3, 0xFFFE, 9, 6, 0, 0),
        *(0, 1, 1, 0, 0, end, 0, end, 0),
    )
    table = struct.pack("<L", 0) + struct.pack("<108L", *[free] * 108)
    sectors = struct.pack("<128L", fat_sector, end, end, *[free] * 125)
    directory = b"".join(
        _ole_entry(name, kind, child, size)
        for name, kind, child, size in (
            ("Root Entry", 5, 1, 0),
            ("EncryptedPackage", 2, none, 512),
            ("", 0, none, 0),
            ("", 0, none, 0),
        )
    )
    return head + table + sectors + directory + bytes(range(256)) * 2


def _ole_entry(name: str, kind: int, child: int, size_bytes: int) -> bytes:
    text = name.encode("utf-16-le") + b"\0\0" if name else b""
    start = 2 if kind == 2 else 0
    return struct.pack(
        "<64sHBB3L16sL8s8sLQ",
        *(text, len(text), kind, 1, 0xFFFFFFFF, 0xFFFFFFFF, child, bytes(16), 0),
        *(bytes(8), bytes(8), start, size_bytes),
    )
