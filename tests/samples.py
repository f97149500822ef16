"""Real files to try: made by the libraries that write them, or assembled at run time."""

from __future__ import annotations

import io
import wave
import zipfile
from typing import Any

from PIL import Image

from tests.files import audio

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
    """A tenth of a second of a tone."""
    return audio.flac()


def ogg() -> bytes:
    """A tenth of a second of a tone, Vorbis."""
    return audio.vorbis()


def archive(entries: dict[str, str | bytes]) -> bytes:
    """A zip of these entries, in this order."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in entries.items():
            # Not the time of now: two processes must collect the same tests.
            entry = zipfile.ZipInfo(name, (2026, 11, 23, 0, 0, 0))
            packed.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return target.getvalue()


# The part that is the document, and what it holds at least.
OFFICE_PARTS: dict[str, tuple[str, str, str]] = {
    "docx": (
        "wordprocessingml.document",
        "word/document.xml",
        '<w:document xmlns:w="{main}/wordprocessingml/2006/main"><w:body/></w:document>',
    ),
    "xlsx": (
        "spreadsheetml.sheet",
        "xl/workbook.xml",
        '<workbook xmlns="{main}/spreadsheetml/2006/main" xmlns:r="{links}">'
        '<sheets><sheet name="One" sheetId="1" r:id="rId1"/></sheets></workbook>',
    ),
    "pptx": (
        "presentationml.presentation",
        "ppt/presentation.xml",
        '<p:presentation xmlns:p="{main}/presentationml/2006/main">'
        '<p:notesSz cx="6858000" cy="9144000"/></p:presentation>',
    ),
}
SHEET = '<worksheet xmlns="{main}/spreadsheetml/2006/main"><sheetData/></worksheet>'


def office_parts(extension: str) -> dict[str, str | bytes]:
    """The parts of `office`, to change some of them."""
    schemas = "http://schemas.openxmlformats.org"
    names = {
        "main": schemas,
        "links": f"{schemas}/officeDocument/2006/relationships",
        "package": f"{schemas}/package/2006",
    }
    kind, part, body = OFFICE_PARTS[extension]
    declared = "application/vnd.openxmlformats-officedocument."
    sheet = (
        f'<Override PartName="/xl/sheet1.xml" ContentType="{declared}spreadsheetml.worksheet+xml"/>'
    )
    relationships = (
        '<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" '
        'Type="{links}/{kind}" Target="{target}"/></Relationships>'
    )
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{names["package"]}/content-types">'
        '<Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/{part}" ContentType="{declared}{kind}.main+xml"/>'
        f"{sheet if extension == 'xlsx' else ''}</Types>",
        "_rels/.rels": relationships.format(**names, kind="officeDocument", target=part),
        part: body.format(**names),
    }
    if extension == "xlsx":
        parts["xl/_rels/workbook.xml.rels"] = relationships.format(
            **names, kind="worksheet", target="sheet1.xml"
        )
        parts["xl/sheet1.xml"] = SHEET.format(**names)
    return dict(parts)


def office(extension: str) -> bytes:
    """The smallest office file its own programs open."""
    return archive(office_parts(extension))
