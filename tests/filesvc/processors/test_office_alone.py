"""In a process of its own: nothing is opened or imported on the way, and memory stays flat."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import samples
from tests.files import office
from tests.files.archives import rewrite
from tests.files.office_parts import STRICT, TRANSITIONAL, document, paragraph, show, workbook

MIB = 1024 * 1024
SAMPLES = {
    "docx": [
        office.docx(),
        document(paragraph("strict"), STRICT, "utf-16"),
        document("<broken"),
        document("<!DOCTYPE x>"),
        rewrite(office.docx(), replace={"word/vbaProject.bin": b"x"}),
        office.docx()[:-30],
        office.docx()[:3000],
        b"",
    ],
    "xlsx": [
        office.xlsx(),
        workbook('<row><c t="s"><v>7</v></c></row>', ""),
        workbook('<row><c t="str"><v>b</v></c></row>', encoding="iso-8859-1"),
    ],
    "pptx": [office.pptx(), show("<a:p/>", encoding="cp1250"), show(names=STRICT)],
    "zip": [samples.archive({"é/a.TXT": b"x", "b.exe": b""}), b"PK"],
}
W = f'<w:document xmlns:w="{TRANSITIONAL["w"]}"><w:p><w:t>'.encode()
S = f'<worksheet xmlns="{TRANSITIONAL["s"]}"><dimension ref="A1:XFD1048576"/><sheetData>'.encode()


def describe_alone(extension: str, *paths: Path) -> dict[str, Any]:
    """What a process of its own with 1 GiB of addresses tells of these files."""
    module = "tests.filesvc.processors.describe_alone"
    ran = subprocess.run(
        [sys.executable, "-m", module, extension, *map(str, paths)],
        capture_output=True,
        check=True,
        timeout=120,
    )
    told: dict[str, Any] = json.loads(ran.stdout)
    return told


def pieces(start: bytes, middle: bytes, end: bytes, mebibytes: int) -> Iterator[bytes]:
    yield start
    for _ in range(mebibytes):
        yield middle * (MIB // len(middle))
    yield end


def write_large(path: Path, content: bytes, part: str, markup: Iterator[bytes]) -> None:
    """The same file on disk, with one part replaced by one that is never whole in memory."""
    path.write_bytes(rewrite(content, leave_out=(part,)))
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as packed,
        packed.open(part, "w") as target,
    ):
        for piece in markup:
            target.write(piece)


@pytest.mark.parametrize("extension", SAMPLES)
def test_nothing_is_opened_or_imported_to_describe_a_file(extension: str, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.{extension}" for number in range(len(SAMPLES[extension]))]
    for path, content in zip(paths, SAMPLES[extension], strict=True):
        path.write_bytes(content)

    alone = describe_alone(extension, *paths)

    assert alone["acts"] == []
    assert isinstance(alone["told"][0], dict)


def test_a_document_of_100_mib_takes_no_more_memory_than_its_chunks(tmp_path: Path) -> None:
    path = tmp_path / "large.docx"
    markup = pieces(W, b"word word\n", b"</w:t></w:p></w:document>", 100)
    write_large(path, office.docx(), "word/document.xml", markup)

    alone = describe_alone("docx", path)

    assert alone["told"][0]["words"] == 100 * (MIB // 10) * 2
    assert alone["grown_kib"] < 16 * 1024


def test_a_large_sheet_takes_no_more_memory_than_its_chunks(tmp_path: Path) -> None:
    path = tmp_path / "large.xlsx"
    row = b'<row><c><v>1</v></c><c t="str"><v>a b</v></c></row>'
    markup = pieces(S, row, b"</sheetData></worksheet>", 12)
    write_large(path, office.xlsx(), "xl/worksheets/sheet1.xml", markup)

    alone = describe_alone("xlsx", path)

    rows = 12 * (MIB // len(row))
    assert alone["told"][0]["sheet_list"][0] == {"name": "Sheet", "rows": rows, "columns": 2}
    assert alone["told"][0]["words"] == 2 * rows
    assert alone["grown_kib"] < 16 * 1024
