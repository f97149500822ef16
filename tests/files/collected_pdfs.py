"""PDF files of the collection, with what must be told of each."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.files import images, pdfs
from tests.files.sample import Sample

A4, A4_SHOWN = (595.0, 842.0), (362, 512)
HAND, HAND_SHOWN = (300.0, 200.0), (512, 342)


def pdf(
    name: str,
    make: Callable[[], bytes],
    size: tuple[float, float] = A4,
    preview: tuple[int, int] = A4_SHOWN,
    *,
    pages: int = 1,
    version: str = "1.3",
    words: int = 0,
    **more: Any,
) -> Sample:
    """A document without anything that runs."""
    told = {
        "kind": "pdf",
        "version": version,
        "pages": pages,
        "page_width": size[0],
        "page_height": size[1],
        "title": None,
        "author": None,
        "words": words,
        "is_encrypted": False,
        "is_signed": False,
        "has_scripts": False,
        "has_launch_actions": False,
        "embedded_files": 0,
    }
    return Sample(name, "application/pdf", make, told | more, preview)


def scanned(pages: int, size: tuple[int, int]) -> bytes:
    """Pictures as pages, at 72 dots an inch, as Pillow writes them."""
    moment = time.struct_time((2021, 2, 3, 4, 5, 6, 2, 34, 0))
    first, *others = [images.pattern(size=size, shift=shift) for shift in range(pages)]
    told = {"title": "Scan", "author": "Ada", "creationDate": moment, "modDate": moment}
    return images.save(first, "PDF", save_all=True, append_images=others, **told)


SAMPLES = [
    pdf(
        "scan.pdf",
        partial(scanned, 1, (120, 60)),
        (120.0, 60.0),
        (480, 240),
        title="Scan",
        author="Ada",
        version="1.4",
    ),
    pdf(
        "scans.pdf",
        partial(scanned, 3, (60, 120)),
        (60.0, 120.0),
        (240, 480),
        pages=3,
        title="Scan",
        author="Ada",
        version="1.4",
    ),
    pdf("by-hand.pdf", pdfs.by_hand, HAND, HAND_SHOWN, version="1.7", words=1),
    pdf(
        "sentence.pdf",
        partial(pdfs.by_hand, text="Hello world, 2021"),
        HAND,
        HAND_SHOWN,
        version="1.7",
        words=3,
    ),
    pdf(
        "turned.pdf",
        partial(pdfs.by_hand, page="/Rotate 90"),
        (200.0, 300.0),
        (342, 512),
        version="1.7",
        words=1,
    ),
    pdf("empty.pdf", lambda: pdfs.saved(pdfs.blank())),
    pdf("long.pdf", lambda: pdfs.saved(pdfs.blank(40)), pages=40),
    pdf("linear.pdf", lambda: pdfs.saved(pdfs.blank(3), linearize=True), pages=3),
    pdf("packed.pdf", lambda: pdfs.compressed(pdfs.blank(3)), pages=3, version="1.5"),
    pdf("titled.pdf", lambda: pdfs.titled("Report", "Ada"), title="Report", author="Ada"),
    pdf("xmp.pdf", lambda: pdfs.with_xmp("Report", "Ada"), title="Report", author="Ada"),
    pdf("signed.pdf", lambda: pdfs.saved(pdfs.signed()), is_signed=True),
    pdf("files.pdf", lambda: pdfs.saved(pdfs.with_files(2, 1)), embedded_files=3),
    pdf("repaired.pdf", pdfs.broken_table, HAND, HAND_SHOWN, version="1.7", words=1),
]
