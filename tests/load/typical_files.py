"""One file of each kind as people send them: its media type, its name and its bytes."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable

from PIL import Image

from tests.files import audio, office, pdfs
from tests.samples import archive

PHRASE = "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor"
WORDS = PHRASE.split(" ")
OOXML = "application/vnd.openxmlformats-officedocument."


def photo(kind: str, megapixels: float = 2.0) -> bytes:
    """A picture with something in it, so that it does not compress away."""
    width = int((megapixels * 1_000_000 * 4 / 3) ** 0.5)
    size = (width, width * 3 // 4)
    coarse = random.Random(7).randbytes(96 * 72 * 3)
    picture = Image.frombytes("RGB", (96, 72), coarse).resize(size, Image.Resampling.BICUBIC)
    target = io.BytesIO()
    picture.save(target, kind)
    return target.getvalue()


def prose(size_bytes: int) -> bytes:
    """Lines of words."""
    line = " ".join(WORDS) + "\n"
    return (line * (size_bytes // len(line) + 1))[:size_bytes].encode()


def table(rows: int) -> bytes:
    """A CSV of five columns."""
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow(["id", "name", "amount", "day", "note"])
    writer.writerows(
        [n, WORDS[n % 12], n * 1.5, "2026-11-23", " ".join(WORDS[:6])] for n in range(rows)
    )
    return target.getvalue().encode()


def tree(entries: int) -> bytes:
    """A JSON list of objects."""
    return json.dumps(
        [{"id": n, "tags": WORDS[:4], "ok": n % 2 == 0} for n in range(entries)]
    ).encode()


TYPICAL: dict[str, tuple[str, Callable[[], bytes]]] = {
    "text, 100 KB": ("text/plain", lambda: prose(100_000)),
    "CSV, 2,000 rows": ("text/csv", lambda: table(2000)),
    "JSON, 2,000 objects": ("application/json", lambda: tree(2000)),
    "JPEG, 2 megapixels": ("image/jpeg", lambda: photo("JPEG")),
    "PNG, 2 megapixels": ("image/png", lambda: photo("PNG")),
    "WebP, 2 megapixels": ("image/webp", lambda: photo("WEBP")),
    "PDF, 10 pages": ("application/pdf", lambda: pdfs.saved(pdfs.blank(10))),
    "DOCX": (f"{OOXML}wordprocessingml.document", lambda: office.docx(prose(20_000).decode())),
    "XLSX, 1,000 rows": (f"{OOXML}spreadsheetml.sheet", lambda: office.xlsx(1000)),
    "PPTX, 20 slides": (f"{OOXML}presentationml.presentation", lambda: office.pptx(20)),
    "MP3": ("audio/mpeg", audio.mp3),
    "ZIP, 50 files": (
        "application/zip",
        lambda: archive({f"{n}.txt": prose(2000) for n in range(50)}),
    ),
}
