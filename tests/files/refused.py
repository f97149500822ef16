"""Files that must not come in, with the code each is refused with, and some that must not stay."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from functools import partial

from tests import samples
from tests.files import archives, audio, images, office, office_parts, pdfs
from tests.files.archives import MIB, Member, pack, rewrite

Make = Callable[[], bytes]
SYMLINK = 0o120777 << 16
ENCRYPTED = 1
MACROS = "application/vnd.ms-word.document.macroEnabled.main+xml"
DOCX = office.docx()
PNG, GIF, JPEG = images.picture("PNG"), images.picture("GIF"), images.picture("JPEG")
LAUGHS = "".join(
    f'<!ENTITY {name} "{before * 10}">'
    for name, before in [("b", "&a;"), ("c", "&b;"), ("d", "&c;"), ("e", "&d;"), ("f", "&e;")]
)


def document(body: str, declared: str = "") -> bytes:
    """A DOCX with a document type declaration before its only part."""
    main = f'<w:document xmlns:w="{office_parts.TRANSITIONAL["w"]}"><w:body>{body}</w:body>'
    return office_parts.package("docx", f"{declared}{main}</w:document>")


def macros() -> bytes:
    """A DOCM by its parts and content types; only its name is another."""
    types = samples.office_parts("docx")["[Content_Types].xml"]
    assert isinstance(types, str)
    plain = samples.OFFICE_PARTS["docx"][0]
    declared = f"application/vnd.openxmlformats-officedocument.{plain}.main+xml"
    return samples.archive(
        samples.office_parts("docx")
        | {"[Content_Types].xml": types.replace(declared, MACROS), "word/vbaProject.bin": b"\0"}
    )


def template() -> bytes:
    """A DOCX that opens a template on another machine."""
    link = ("one", f"{office_parts.TRANSITIONAL['r']}/attachedTemplate", "http://example.org/t")
    return rewrite(
        DOCX,
        replace={"word/_rels/settings.xml.rels": office_parts.relationships(link, mode="External")},
    )


def two_of_a_name() -> bytes:
    """An archive of which every reader picks another entry."""
    return pack(Member(b"a.txt", b"one"), Member(b"a.txt", b"two"))


# Name of the file -> what it is made by, the status and the code it is refused with.
REFUSED: dict[str, tuple[Make, int, str]] = {
    "docm.docx": (macros, 422, "active_content"),
    "template.docx": (template, 422, "active_content"),
    "script.pdf": (
        lambda: pdfs.saved(pdfs.scripted(), compress_streams=False),
        422,
        "active_content",
    ),
    "shell.gif": (lambda: GIF + b"<?php system($_GET[0]); ?>", 422, "ambiguous_content"),
    "page.pdf": (
        lambda: pdfs.by_hand() + b"<html><script>alert(1)</script></html>",
        422,
        "ambiguous_content",
    ),
    "header.pdf": (
        lambda: pdfs.by_hand().replace(b"%\xe2", b"%<script>\xe2", 1),
        422,
        "ambiguous_content",
    ),
    "archive.png": (lambda: PNG + archives.nested(1), 422, "ambiguous_content"),
    "archive.jpg": (lambda: JPEG + archives.nested(1), 422, "ambiguous_content"),
    "archive.pdf": (lambda: pdfs.by_hand() + archives.nested(1), 422, "ambiguous_content"),
    "prefixed.zip": (lambda: b"#!/bin/sh\n" + archives.nested(1), 422, "content_mismatch"),
    "secret.docx": (office.encrypted_office, 422, "encrypted_content"),
    "secret.pdf": (pdfs.encrypted, 422, "encrypted_content"),
    "no-password.pdf": (partial(pdfs.encrypted, "", 4), 422, "encrypted_content"),
    "secret.zip": (
        lambda: pack(Member(b"a", b"x" * 20, flags=ENCRYPTED)),
        422,
        "encrypted_content",
    ),
    "flat.zip": (archives.flat_bomb, 422, "archive_limits_exceeded"),
    "deep.zip": (partial(archives.nested, 4), 422, "archive_limits_exceeded"),
    "inside.zip": (
        lambda: archives.nested(2, archives.flat_bomb(64), "b.zip"),
        422,
        "archive_limits_exceeded",
    ),
    "overlap.zip": (archives.quoted_overlap, 422, "archive_limits_exceeded"),
    "crowd.zip": (partial(archives.crowd, 10_001), 422, "archive_limits_exceeded"),
    "large.zip": (
        lambda: pack(Member(b"a", method=0, told_bytes=26 * MIB)),
        422,
        "archive_limits_exceeded",
    ),
    "lying.zip": (lambda: pack(Member(b"a", b"x" * 5000, told_bytes=10)), 422, "corrupt_content"),
    "bomb.docx": (
        lambda: rewrite(DOCX, replace={"word/media/a.bin": bytes(24 * MIB)}),
        422,
        "archive_limits_exceeded",
    ),
    "link.zip": (
        lambda: pack(Member(b"a", b"/etc/passwd", attributes=SYMLINK)),
        422,
        "archive_unsafe_entry",
    ),
    "traversal.zip": (lambda: pack(Member(b"../../a.txt", b"x")), 422, "archive_unsafe_entry"),
    "absolute.zip": (lambda: pack(Member(b"/etc/cron.d/a", b"x")), 422, "archive_unsafe_entry"),
    "twice.zip": (two_of_a_name, 422, "archive_unsafe_entry"),
    "bomb.png": (
        lambda: images.png(images.png_pixels(), images.PNG_END, size=(60_000, 60_000)),
        422,
        "image_limits_exceeded",
    ),
    "flood.png": (
        lambda: images.png_with(images.animation_control(100_000)),
        422,
        "image_limits_exceeded",
    ),
    "flood.gif": (lambda: images.gif(*[images.gif_frame()] * 1001), 422, "image_limits_exceeded"),
    "bomb.jpg": (partial(images.jpeg_header, 60_000, 60_000), 422, "image_limits_exceeded"),
    "xxe.docx": (
        lambda: document("&x;", '<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
        422,
        "corrupt_content",
    ),
    "laughs.docx": (
        lambda: document("&f;", f'<!DOCTYPE x [<!ENTITY a "ha">{LAUGHS}]>'),
        422,
        "corrupt_content",
    ),
    "infected.docx": (
        lambda: rewrite(DOCX, replace={"word/media/a.bin": samples.EICAR}),
        422,
        "malware_detected",
    ),
    "infected.zip": (lambda: pack(Member(b"a.txt", samples.EICAR)), 422, "malware_detected"),
    "infected.txt": (lambda: samples.EICAR, 422, "malware_detected"),
    # A chunk of 2 GiB, it says; the worker would ask for as much memory at once, and die of it.
    "claims.png": (
        lambda: images.png(b"\x80\0\0\0IDAT" + zlib.compress(bytes(8)) + bytes(4)),
        422,
        "corrupt_content",
    ),
    "short.png": (lambda: PNG[:-20], 422, "corrupt_content"),
    "short.jpg": (lambda: JPEG[:200], 422, "corrupt_content"),
    "short.gif": (lambda: GIF[:-30], 422, "corrupt_content"),
    "short.webp": (lambda: images.picture("WEBP")[:-9], 422, "corrupt_content"),
    "short.docx": (lambda: DOCX[: len(DOCX) // 2], 422, "corrupt_content"),
    "short.pdf": (lambda: pdfs.by_hand()[:-40], 422, "corrupt_content"),
    "short.zip": (lambda: archives.nested(1)[:-10], 422, "corrupt_content"),
    "png.jpg": (lambda: PNG, 422, "content_mismatch"),
    "xlsx.docx": (lambda: samples.office("xlsx"), 422, "content_mismatch"),
    "latin.csv": (lambda: "Grüße,1\n".encode("latin-1"), 422, "content_mismatch"),
    "binary.txt": (lambda: b"text\0text\x01", 422, "content_mismatch"),
    "page.txt": (lambda: b"<!doctype html><html><body>", 415, "unsupported_file_type"),
    "program.png": (lambda: b"\x7fELF\x02\x01\x01" + bytes(57), 415, "unsupported_file_type"),
    "nothing.txt": (lambda: b"", 422, "empty_file"),
}


def spoiled_pixels() -> bytes:
    """A PNG whose checksums are right over pixels that are none."""
    return images.png(images.png_chunk(b"IDAT", b"\x78\x9cnot deflated"), images.PNG_END)


def lost_sheet() -> bytes:
    """A workbook whose sheet leads nowhere."""
    parts = samples.office_parts("xlsx")
    del parts["xl/_rels/workbook.xml.rels"]
    return samples.archive(parts)


DDE = '<w:p><w:r><w:instrText>DDEAUTO c:\\\\windows\\\\cmd "/k calc"</w:instrText></w:r></w:p>'
# Let in, because only a program that opens them for real can tell; what becomes of them then.
QUARANTINED: dict[str, Make] = {
    **{f"{place}.pdf": lambda make=make: pdfs.compressed(make())  # type: ignore[misc]  # binds the value of the loop
       for place, make in pdfs.ACTIVE.items()},
    "xfa.pdf": lambda: pdfs.compressed(pdfs.xfa()),
    "dde.docx": lambda: document(DDE),
}  # fmt: skip
FAILED: dict[str, Make] = {
    "pixels.png": spoiled_pixels,
    "pixels.webp": lambda: images.riff(images.webp_pixels(5, 5)),
    "pixels.tif": lambda: images.tiff({256: 5, 257: 5, 258: 8, 259: 5, 262: 1, 273: 80, 279: 9}),
    "scan.jpg": lambda: images.jpeg_header(5, 5),
    "pixel.gif": lambda: images.gif(
        b"," + struct.pack("<HHHHB", 0, 0, 3, 2, 0) + b"\x02\x01\xff\0"
    ),
    "broken.json": lambda: b'{"a": 1,}',
    "open.json": lambda: b'[1, 2, "three',
    "deep.json": lambda: b"[" * 2000 + b"]" * 2000,
    "not-a-number.json": lambda: b"[NaN]",
    "cycle.pdf": pdfs.cyclic,
    "sheet.xlsx": lost_sheet,
    "markup.docx": lambda: document("<w:p>"),
    "vorbis.ogg": lambda: audio.pages(b"\x01vorbis" + bytes(23), audio.comments(), b"sound"),
}
