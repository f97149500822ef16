"""PDF previews: the first page, small and the same each time, and what is too much to draw."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from errors import catalogue
from filesvc.processors import pdf_objects
from filesvc.processors.pdf import describe_pdf
from filesvc.processors.pdf_pages import PREVIEW_PIXELS
from filesvc.processors.subject import Subject
from tests import samples
from tests.files import pdfs

RED = "1 0 0 rg 0 0 300 200 re f"


def preview(content: bytes) -> bytes | None:
    source = io.BytesIO(content)
    return describe_pdf(Subject("application/pdf", len(content), "", source)).preview


def picture(content: bytes) -> Image.Image:
    drawn = preview(content)
    assert drawn is not None
    return Image.open(io.BytesIO(drawn))


@pytest.mark.property
@given(width=st.floats(3, 1e9), height=st.floats(3, 1e9), unit=st.integers(1, 1000))
def test_a_page_of_any_size_is_drawn_within_512_pixels(
    width: float, height: float, unit: int
) -> None:
    box = f"/MediaBox [0 0 {width:.2f} {height:.2f}] /UserUnit {unit}"

    drawn = picture(pdfs.by_hand(page=box).replace(b"/MediaBox [0 0 300 200]", b""))

    assert drawn.format == "WEBP"
    assert max(drawn.size) <= PREVIEW_PIXELS
    if width / height > 1.1:
        assert drawn.width >= drawn.height


def test_the_preview_shows_the_page_as_it_is_turned() -> None:
    drawn = picture(pdfs.by_hand(page="/Rotate 90"))

    assert drawn.height == PREVIEW_PIXELS
    assert drawn.width in (341, 342)


def test_the_preview_shows_what_is_drawn_on_the_page() -> None:
    plain = pdfs.by_hand()
    drawn = picture(plain.replace(b"BT /F1 12 Tf 20 100 Td (Hello) Tj ET", RED.ljust(36).encode()))
    red, green, blue = drawn.convert("RGB").getpixel((100, 100))  # type: ignore[misc]  # a pixel of three numbers

    assert (red > 240, green < 20, blue < 20) == (True, True, True)


def test_the_preview_carries_nothing_but_the_picture() -> None:
    drawn = picture(pdfs.titled("Secret title", "Ada"))

    assert {"exif", "icc_profile", "xmp"}.isdisjoint(drawn.info)
    assert b"Secret" not in (preview(pdfs.titled("Secret title", "Ada")) or b"")


@pytest.mark.parametrize("make", [pdfs.launching, pdfs.scripted, pdfs.xfa])
def test_a_file_with_active_content_has_no_preview(make: object) -> None:
    assert callable(make)

    assert preview(pdfs.saved(make())) is None


def test_a_page_without_a_size_has_no_preview() -> None:
    assert preview(pdfs.by_hand(page="/CropBox [1000 1000 2000 2000]")) is None


def test_a_page_that_unpacks_to_too_much_is_neither_drawn_nor_read() -> None:
    document = pdfs.blank()
    document.pages[0].Contents = document.make_stream(b" " * 2 * pdf_objects.MAX_STREAM_BYTES)
    content = pdfs.saved(document)

    found = describe_pdf(Subject("application/pdf", len(content), "", io.BytesIO(content)))

    assert found.preview is None
    assert found.refusal is None
    assert found.metadata.model_dump()["page_width"] == pdfs.A4[0]


def test_metadata_that_unpacks_to_too_much_is_refused() -> None:
    document = pdfs.blank()
    blanks = document.make_stream(b" " * 2 * pdf_objects.MAX_STREAM_BYTES)
    document.Root.Metadata = blanks

    with pytest.raises(catalogue.InspectionFailed, match="metadata"):
        preview(pdfs.saved(document, fix_metadata_version=False))


def test_a_large_attachment_is_no_reason_not_to_draw_the_page() -> None:
    document = pdfs.blank()
    document.attachments["zeros"] = bytes(2 * pdf_objects.MAX_STREAM_BYTES)

    assert preview(pdfs.saved(document)) is not None


def test_the_work_is_reported_as_it_goes_on() -> None:
    told: list[tuple[str, int]] = []
    content = pdfs.saved(pdfs.blank(50))
    source = io.BytesIO(content)

    def report(stage: str, percent: int) -> None:
        told.append((stage, percent))

    describe_pdf(Subject("application/pdf", len(content), "", source, report))

    assert [stage for stage, _ in told] == ["objects", "text", "text", "text", "preview"]
    assert [percent for _, percent in told] == sorted(percent for _, percent in told)


def test_nothing_is_opened_or_imported_while_files_are_described(tmp_path: Path) -> None:
    contents = [
        *pdfs.every_sample(),
        pdfs.by_hand().replace(b"Helvetica", b"NoSuchFnt"),
        samples.pdf(),
    ]
    paths = []
    for number, content in enumerate(contents):
        paths.append(tmp_path / f"{number}.pdf")
        paths[-1].write_bytes(content)

    command = [sys.executable, "-m", "tests.filesvc.processors.describe_alone", "pdf"]
    answer = json.loads(subprocess.check_output([*command, *paths], timeout=60))

    assert answer["acts"] == []
    assert len(answer["told"]) == len(contents)
    assert answer["told"][-1]["pages"] == 1


def test_the_processor_knows_no_framework() -> None:
    program = (
        "import sys, filesvc.processors.pdf\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('django', 'celery')])"
    )

    assert subprocess.check_output([sys.executable, "-c", program], timeout=60) == b"[]\n"
