"""Whether libmagic knows the allowed types: one tiny sample of each, asked for at every start."""

from __future__ import annotations

import io
import os
import struct
import zipfile

from errors.base import ServiceError
from security.media_type import sniff
from security.policy import OOXML, allowed_types

_RIFF = struct.Struct("<4sI4s4sI")
_OFFICE_PARTS = {
    f"{OOXML}wordprocessingml.document": "word/document.xml",
    f"{OOXML}spreadsheetml.sheet": "xl/workbook.xml",
    f"{OOXML}presentationml.presentation": "ppt/presentation.xml",
}


def _archive(*names: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), b"<x/>")
    return target.getvalue()


def _bitmap() -> bytes:
    """One white pixel."""
    header = struct.pack("<IiiHHIIiiII", 40, 1, 1, 1, 24, 0, 4, 2835, 2835, 0, 0)
    return struct.pack("<2sIHHI", b"BM", 58, 0, 0, 54) + header + b"\xff\xff\xff\0"


# Heads of files, just long enough to be known by; none of them is a whole file.
SAMPLES: dict[str, bytes] = {
    "image/png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0",
    "image/jpeg": b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xd9",
    "image/gif": b"GIF89a\1\0\1\0\0\0\0;",
    "image/webp": _RIFF.pack(b"RIFF", 22, b"WEBP", b"VP8L", 9) + b"/\0\0\0\0\x88\x88\x08\0\0",
    "image/tiff": b"II*\0\x08\0\0\0" + bytes(6),
    "image/bmp": _bitmap(),
    "text/plain": b"one line\n",
    "text/csv": b"name,size\nnote,12\nlist,7\n",
    "text/tab-separated-values": b"name\tsize\nnote\t12\n",
    "text/markdown": b"# Title\n\nSome *text*.\n",
    "application/json": b'{"name": "note", "size": 12}\n',
    "application/pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "audio/vnd.wave": _RIFF.pack(b"RIFF", 36, b"WAVE", b"fmt ", 16)
    + struct.pack("<HHIIHH4sI", 1, 1, 8000, 16000, 2, 16, b"data", 0),
    "audio/mpeg": (b"\xff\xfb\x90\0" + bytes(413)) * 2,
    "audio/flac": b"fLaC\x80\0\0\x22" + bytes(34),
    "audio/ogg": b"OggS\0\2" + bytes(20) + b"\1\x1e\1vorbis" + bytes(23),
    "application/zip": _archive("note.txt"),
    **{
        media_type: _archive("[Content_Types].xml", "_rels/.rels", part)
        for media_type, part in _OFFICE_PARTS.items()
    },
}


def find_unknown_types() -> list[str]:
    """The allowed media types whose sample libmagic does not know, each with what it says."""
    return [
        f"{row.media_type} ({said})"
        for row in allowed_types()
        if not row.accepts(said := _sniff(SAMPLES[row.media_type]))
    ]


def _sniff(sample: bytes) -> str:
    with os.fdopen(os.memfd_create("sample", os.MFD_CLOEXEC), "wb", buffering=0) as file:
        file.write(sample)
        try:
            return sniff(file.fileno())
        except ServiceError as error:
            return error.code
