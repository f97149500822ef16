"""Ogg: pages one after the other to the end of the file, and sound in each of their streams.

A page has "OggS", a header of 27 bytes, a table of lengths, and its content (RFC 3533, 6). Pages
at both ends are walked; a file of more pages than `MAX_PAGES` has a middle nobody looked at here.
"""

from __future__ import annotations

from typing import BinaryIO

from errors import catalogue
from security.structure.reading import check_ends
from security.structure.second_format import check_no_second_format

CAPTURE = b"OggS"
HEADER_BYTES = 27
MAX_PAGE_BYTES = HEADER_BYTES + 255 + 255 * 255
BEGINS_STREAM = 0x02
# 80 MB at the usual 4 KB a page; all of them take 40 ms (measured).
MAX_PAGES = 20_000
SOUND = (b"\x01vorbis", b"OpusHead", b"\x7fFLAC", b"Speex   ")
# Says how streams belong together, and holds none itself.
SKELETON = b"fishead\0"


def inspect_ogg(source: BinaryIO, size_bytes: int) -> None:
    """Refuse an Ogg that is cut short, holds other than sound, or is followed by other things.

    Raises CorruptContent, AmbiguousContent, ContentMismatch.
    """
    position, pages = 0, 0
    while pages < MAX_PAGES and (following := _read_page(source, position, size_bytes)):
        position, pages = following, pages + 1
    if pages == MAX_PAGES:
        position = _find_last_end(source, position, size_bytes)
    if pages < 2:
        raise catalogue.CorruptContent(note="no Ogg pages of sound")
    check_ends(source, position, size_bytes)
    check_no_second_format(source, size_bytes)


def _read_page(source: BinaryIO, position: int, size_bytes: int) -> int:
    """Where the page ends that begins there; 0 when none does."""
    source.seek(position)
    header = source.read(HEADER_BYTES + 255)
    if not header.startswith(CAPTURE) or len(header) < HEADER_BYTES or header[4] != 0:
        return 0
    content = HEADER_BYTES + header[26]
    end = position + content + sum(header[HEADER_BYTES:content])
    if end > size_bytes:
        raise catalogue.CorruptContent(note="last Ogg page is cut short")
    if header[5] & BEGINS_STREAM:
        source.seek(position + content)
        _check_stream(source.read(8), is_first=position == 0)
    elif position == 0:
        raise catalogue.CorruptContent(note="first Ogg page begins no stream")
    return end


def _check_stream(start: bytes, *, is_first: bool) -> None:
    if not start.startswith(SOUND) and (is_first or start != SKELETON):
        raise catalogue.ContentMismatch(note="Ogg stream is no sound")


def _find_last_end(source: BinaryIO, position: int, size_bytes: int) -> int:
    """Where the last page ends when pages near the end of the file follow each other to it."""
    window_start = max(position, size_bytes - 2 * MAX_PAGE_BYTES)
    source.seek(window_start)
    tail = source.read(2 * MAX_PAGE_BYTES)
    place = tail.rfind(CAPTURE)
    while place >= 0:
        end = window_start + place
        try:
            end = _read_page(source, end, size_bytes)
        except catalogue.CorruptContent:
            end = 0  # four letters inside a page
        if end:
            return end
        place = tail.rfind(CAPTURE, 0, place)
    return position
