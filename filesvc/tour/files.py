"""The files the tour sends: made when they are needed, none of them longer than it must be."""

from __future__ import annotations

import io
import itertools
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

CHUNK_BYTES = 64 * 1024
PHOTO_SIZE = (640, 480)
TEXT = b"A note for the tour: nine words, one line.\n"
# Put together when it runs, so that no scanner objects to this file or its bytecode.
EICAR = b"".join(
    (b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$", b"EICAR-STANDARD-", b"ANTIVIRUS-TEST-FILE!$H+H*")
)


@dataclass(frozen=True)
class Sample:
    """A file to send: its name, its first bytes, and so many bytes of padding after them."""

    name: str
    content: bytes
    padding_bytes: int = 0

    @property
    def size_bytes(self) -> int:
        """All of it."""
        return len(self.content) + self.padding_bytes

    def chunks(self) -> Iterator[bytes]:
        """The bytes in pieces: a file over the limit may be larger than memory."""
        yield self.content
        whole, rest = divmod(self.padding_bytes, CHUNK_BYTES)
        yield from itertools.repeat(b"a" * CHUNK_BYTES, whole)
        yield b"a" * rest


def text() -> Sample:
    """Plain text."""
    return Sample("note.txt", TEXT)


def photo() -> Sample:
    """A JPEG with the noise of a real one, so that it does not shrink to nothing."""
    target = io.BytesIO()
    picture = Image.effect_noise(PHOTO_SIZE, 40).convert("RGB")
    picture.save(target, "JPEG", quality=80, dpi=(72, 72))
    return Sample("photo.jpg", target.getvalue())


def pdf() -> Sample:
    """One page."""
    target = io.BytesIO()
    Image.new("RGB", (300, 200), (240, 240, 255)).save(target, "PDF")
    return Sample("report.pdf", target.getvalue())


def text_called_picture() -> Sample:
    """What it says it is, it is not."""
    return Sample("photo.png", TEXT)


def empty() -> Sample:
    """Nothing."""
    return Sample("empty.txt", b"")


def malware() -> Sample:
    """The harmless file that every scanner must call malware (EICAR)."""
    return Sample("invoice.txt", EICAR)


def oversize(size_bytes: int) -> Sample:
    """Text of that size."""
    return Sample("long.txt", b"", size_bytes)


def unique() -> Sample:
    """A text nobody has sent before."""
    return Sample("order.txt", f"order {secrets.token_hex(8)}\n".encode())
