"""Damages files: at random places, and behind checksums and compression that are made right again.

A mutation is a few numbers, so that a property can shrink it: (what, where, how, more).
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable

from mutagen.ogg import OggPage

from tests.files.images import PNG_SIGNATURE, png_chunk
from tests.files.sample import MADE_AT

Numbers = tuple[int, int, int, int]

EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1)
WRITTEN = (
    *(b"0", b"-1", b"1e999", b"65536", b"2147483647", b"-2147483648", b"4294967296"),
    *(b"99999999999999999999", b"0.0000001", b"NaN", b"9" * 400),
)
WORDS = (
    *(b"\0", b"\xff\xfe", b"<", b"&x;", b"]]>", b"<!DOCTYPE a>", b"\r\n\r\n", b'"', b"\\u0000"),
    *(b"\xed\xa0\x80", b"%%EOF", b"endobj", b"stream\n", b"<<", b"/Kids [1 0 R]", b"PK\3\4"),
    *(b"PK\5\6", b"IEND", b"\xff\xd9", b"\xff\xd8", b"fcTL", b"ANMF", b"OggS", b"ID3\4\0\0"),
)
HEAD_BYTES = 256
PIECE_BYTES = 64


def place(content: bytes, where: int) -> int:
    """A position; every second one near the start, where the lengths stand."""
    near, where = where % 2, where // 2
    return where % (min(len(content), HEAD_BYTES) if near else len(content))


def flip(content: bytes, where: int, how: int, more: int) -> bytes:
    """One bit."""
    at = place(content, where)
    return content[:at] + bytes([content[at] ^ 1 << how % 8]) + content[at + 1 :]


def overwrite(content: bytes, where: int, how: int, more: int) -> bytes:
    """A number of one to eight bytes, in either order."""
    at, width = place(content, where), 1 << more % 4
    number = EXTREMES[how % len(EXTREMES)] % (1 << 8 * width)
    order = (">" if more & 4 else "<") + "BHIQ"[more % 4]
    return (content[:at] + struct.pack(order, number) + content[at + width :])[: len(content)]


def rewrite_number(content: bytes, where: int, how: int, more: int) -> bytes:
    """A number that is written out, as PDF, XML and JSON have them."""
    found = list(re.finditer(rb"\d+", content[: 64 * 1024]))
    if not found:
        return flip(content, where, how, more)
    number = found[where % len(found)]
    return content[: number.start()] + WRITTEN[how % len(WRITTEN)] + content[number.end() :]


def cut(content: bytes, where: int, how: int, more: int) -> bytes:
    """The end goes."""
    return content[: max(1, place(content, where))]


def remove(content: bytes, where: int, how: int, more: int) -> bytes:
    """A piece goes."""
    at = place(content, where)
    return content[:at] + content[at + 1 + how % PIECE_BYTES :] or b"\0"


def repeat(content: bytes, where: int, how: int, more: int) -> bytes:
    """A piece stands there several times."""
    at = place(content, where)
    end = at + 1 + how % PIECE_BYTES
    return content[:end] + content[at:end] * (1 + more % 16) + content[end:]


def insert(content: bytes, where: int, how: int, more: int) -> bytes:
    """A word that means something to some reader."""
    at = place(content, where)
    return content[:at] + WORDS[how % len(WORDS)] + content[at:]


def move(content: bytes, where: int, how: int, more: int) -> bytes:
    """A piece stands somewhere else too."""
    at, other = place(content, where), more % len(content)
    piece = content[other : other + 1 + how % PIECE_BYTES]
    return content[:at] + piece + content[at + len(piece) :]


OPERATIONS: tuple[Callable[[bytes, int, int, int], bytes], ...] = (
    *(flip, overwrite, overwrite, rewrite_number, cut, remove, repeat, insert, move),
)


def mutate(content: bytes, *mutations: Numbers) -> bytes:
    """The content after all of them; never empty."""
    for what, where, how, more in mutations:
        content = OPERATIONS[what % len(OPERATIONS)](content, where, how, more)
    return content


def splice(one: bytes, other: bytes, where: int, how: int) -> bytes:
    """The start of one file with the end of another."""
    return one[: 1 + where % len(one)] + other[how % len(other) :]


def mutate_inside(content: bytes, pick: int, *mutations: Numbers) -> bytes:
    """The same behind checksums and compression, where a file has them."""
    if content.startswith(PNG_SIGNATURE):
        return _inside_png(content, pick, mutations)
    if content.startswith(b"OggS"):
        return _inside_ogg(content, pick, mutations)
    if content.startswith(b"PK\3\4"):
        return _inside_zip(content, pick, mutations)
    if content.startswith(b"%PDF-"):
        return _inside_pdf(content, pick, mutations)
    return mutate(content, *mutations)


def _inside_png(content: bytes, pick: int, mutations: tuple[Numbers, ...]) -> bytes:
    """One chunk; pixels and texts also while they are unpacked."""
    chunks, at = [], len(PNG_SIGNATURE)
    while at + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, at)
        chunks.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + length]))
        at += 12 + length
    chosen = pick % len(chunks)
    name, inner = chunks[chosen]
    if name == b"IDAT" and pick & 1:
        inner = zlib.compress(mutate(zlib.decompress(inner), *mutations))
    elif inner:
        inner = mutate(inner, *mutations)
    chunks[chosen] = (name, inner)
    return PNG_SIGNATURE + b"".join(png_chunk(name, inner) for name, inner in chunks)


def _inside_ogg(content: bytes, pick: int, mutations: tuple[Numbers, ...]) -> bytes:
    """One packet of one page."""
    source, pages = io.BytesIO(content), []
    while source.tell() < len(content):
        pages.append(OggPage(source))
    page = pages[pick % len(pages)]
    if page.packets and page.packets[0]:
        page.packets = [mutate(page.packets[0], *mutations)[:60_000], *page.packets[1:]]
    return b"".join(page.write() for page in pages)


def _inside_zip(content: bytes, pick: int, mutations: tuple[Numbers, ...]) -> bytes:
    """One member, or the same again under the name of another."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as source,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        entries = source.infolist()
        for number, entry in enumerate(entries):
            inner = source.read(entry)
            if number == pick % len(entries) and inner:
                inner = mutate(inner, *mutations)
            packed.writestr(zipfile.ZipInfo(entry.filename, MADE_AT), inner, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def _inside_pdf(content: bytes, pick: int, mutations: tuple[Numbers, ...]) -> bytes:
    """One object or stream, and no other byte: readers repair lengths and offsets."""
    objects = list(re.finditer(rb"(?s)\d+ 0 obj\b(.*?)endobj", content))
    if not objects:
        return mutate(content, *mutations)
    chosen = objects[pick % len(objects)]
    inner = mutate(chosen[1], *mutations)
    return content[: chosen.start(1)] + inner + content[chosen.end(1) :]
