"""Real files to try: made by the libraries that write them, or assembled at run time."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

# Assembled here, so that no scanner objects to this repository.
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EI" + b"CAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


def image(kind: str = "PNG", size: tuple[int, int] = (8, 6), **options: Any) -> bytes:
    """A small picture in one of Pillow's formats."""
    target = io.BytesIO()
    Image.new("RGB", size, (10, 120, 200)).save(target, kind, **options)
    return target.getvalue()


def pdf() -> bytes:
    """A one-page PDF."""
    return image("PDF")
