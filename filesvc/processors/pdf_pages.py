"""What the pages of a PDF show: words counted and the first page drawn, by PDFium.

This PDFium has neither a JavaScript engine nor XFA, and its form module is never started.
"""

from __future__ import annotations

import ctypes
import io
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from PIL import Image, WebPImagePlugin
from pypdfium2 import PdfBitmap, PdfDocument, PdfiumError, PdfPage, raw

MAX_READ_PAGES = 1000
# A page of small print has 10,000.
MAX_PAGE_CHARACTERS = 100_000
PREVIEW_PIXELS = 512
# A stamp of a few points is drawn at four times its size and no larger.
MAX_SCALE = 4.0
WEBP_QUALITY = 80
REPORT_EVERY = 20

Report = Callable[[str, int], None]

# No fonts of the system: a sandbox has none, and a preview must not depend on the machine.
raw.FPDF_SetSystemFontInfo(None)
# Pillow finds its writers, and pypdfium2 finds Pillow, when first used: too late in a sandbox.
Image.register_save(WebPImagePlugin.WebPImageFile.format, WebPImagePlugin._save)
PdfBitmap.new_native(1, 1, raw.FPDFBitmap_BGR).to_pil()


@dataclass(frozen=True)
class Pages:
    """What PDFium saw; sizes in points, as a reader shows the first page."""

    words: int
    width: float
    height: float
    preview: bytes | None


def is_encrypted(source: BinaryIO) -> bool:
    """True for a file PDFium finds encrypted, with an empty password too."""
    source.seek(0)
    try:
        with closing(PdfDocument(source)) as document:
            return bool(raw.FPDF_GetSecurityHandlerRevision(document) != -1)
    except PdfiumError as error:
        return error.err_code in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY)


def read_pages(source: BinaryIO, pages: int, report: Report, *, draw: bool) -> Pages:
    """Words of that many pages, and the first page's size and picture.

    Raises PdfiumError for a file PDFium cannot open.
    """
    source.seek(0)
    with closing(PdfDocument(source)) as document:
        width, height = _first_size(document)
        words = _count_words(document, min(pages, len(document), MAX_READ_PAGES), report)
        report("preview", 95)
        preview = _draw_first(document) if draw else None
    return Pages(words, width, height, preview)


def _first_size(document: PdfDocument) -> tuple[float, float]:
    """Without reading what is on the page."""
    try:
        width, height = document.get_page_size(0)
    except PdfiumError:
        return 0.0, 0.0
    return width, height


def _draw_first(document: PdfDocument) -> bytes | None:
    with _open_page(document, 0) as page:
        return _draw(page) if page else None


@contextmanager
def _open_page(document: PdfDocument, index: int) -> Iterator[PdfPage | None]:
    """The page; None for one that cannot be read, which readers show as empty."""
    try:
        page = document[index]
    except PdfiumError:
        yield None
        return
    with closing(page):
        yield page


def _count_words(document: PdfDocument, pages: int, report: Report) -> int:
    words = 0
    for index in range(pages):
        if index % REPORT_EVERY == 0:
            report("text", 50 + 45 * index // pages)
        with _open_page(document, index) as page:
            words += len(_read_text(page).split()) if page else 0
    return words


def _read_text(page: PdfPage) -> str:
    """The text inside the page's borders; its first 100,000 characters."""
    # Not `get_text_bounded`, which takes as much memory as the page asks for.
    buffer = (ctypes.c_ushort * MAX_PAGE_CHARACTERS)()
    try:
        text = page.get_textpage()
    except PdfiumError:
        return ""
    with closing(text):
        found = raw.FPDFText_GetBoundedText(text, *page.get_bbox(), buffer, MAX_PAGE_CHARACTERS)
    # With room to spare, the count has the closing NUL in it.
    return bytes(buffer)[: 2 * max(0, found)].decode("utf-16-le", "ignore").rstrip("\0")


def _draw(page: PdfPage) -> bytes | None:
    """The page at most 512 pixels a side, as WebP; None for a page without a size.

    The scale follows from the larger side, so however large a page says it is, the bitmap
    stays within 512 x 512 pixels.
    """
    width, height = page.get_size()
    if not (width > 0 and height > 0):
        return None
    scale = min(MAX_SCALE, PREVIEW_PIXELS / max(width, height))
    with closing(page.render(scale=scale, may_draw_forms=False)) as bitmap:
        picture = bitmap.to_pil().convert("RGB")
    picture.thumbnail((PREVIEW_PIXELS, PREVIEW_PIXELS))  # rounding may give one pixel more
    target = io.BytesIO()
    picture.save(target, "WEBP", quality=WEBP_QUALITY, method=4)
    return target.getvalue()
