"""Real files to try: made by the libraries that write them, or assembled at run time."""

from __future__ import annotations

import io
import struct
import wave
import zipfile
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


def wave_sound() -> bytes:
    """A hundredth of a second of silence."""
    target = io.BytesIO()
    with wave.open(target, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(160))
    return target.getvalue()


def mp3() -> bytes:
    """Three silent frames: MPEG 1 layer III, 128 kbit/s, 44.1 kHz."""
    return (b"\xff\xfb\x90\x00" + bytes(413)) * 3


def flac() -> bytes:
    """The marker and one STREAMINFO block: 8 kHz, mono, 16 bits, 80 samples."""
    shape = ((8000 << 44) | (15 << 36) | 80).to_bytes(8, "big")
    block = struct.pack(">HH", 4096, 4096) + bytes(6) + shape + bytes(16)
    return b"fLaC\x80" + len(block).to_bytes(3, "big") + block


def ogg() -> bytes:
    """One page that holds a Vorbis identification header."""
    head = b"\x01vorbis" + struct.pack("<IBIiiiB", 0, 1, 8000, 0, 16000, 0, 0xB8) + b"\x01"
    page = struct.pack("<qIII", 0, 1, 0, 0) + b"\x01" + bytes([len(head)])
    return b"OggS\x00\x02" + page + head


def archive(entries: dict[str, str | bytes]) -> bytes:
    """A zip of these entries, in this order."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in entries.items():
            packed.writestr(name, content)
    return target.getvalue()


OFFICE_MAIN = {"docx": "word/document.xml", "xlsx": "xl/workbook.xml", "pptx": "ppt/slides.xml"}


def office(extension: str) -> bytes:
    """The least an office file has: content types, relationships, a main part."""
    schema = "http://schemas.openxmlformats.org/package/2006"
    return archive(
        {
            "[Content_Types].xml": f'<Types xmlns="{schema}/content-types"/>',
            "_rels/.rels": f'<Relationships xmlns="{schema}/relationships"/>',
            OFFICE_MAIN[extension]: "<main/>",
        }
    )
