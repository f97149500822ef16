"""Where the sound of a file begins and ends between the tags that stand around it.

Before it ID3v2, after it any of ID3v2 with a footer, APE, Lyrics3 and ID3v1: each says how long
it is, and nothing of it is read but that.
"""

from __future__ import annotations

import re
from typing import BinaryIO

from errors import catalogue

ID3_HEADER_BYTES = 10
ID3_HAS_FOOTER = 0x10
ID3V1_BYTES = 128
# Not what stands inside "APETAGEX".
ID3V1_START = re.compile(b"TAG(?!EX)")
ID3V1_EXTENDED_BYTES = 227
APE_FOOTER_BYTES = 32
APE_HAS_HEADER = 0x8000_0000
LYRICS_END_BYTES = 15
# Windows Media Player stacks ID3 tags; no file has many.
MAX_TAGS = 16


def skip_leading_tags(source: BinaryIO, size_bytes: int) -> int:
    """Where the first byte stands that is no ID3v2 tag.

    Raises CorruptContent for a tag that is longer than the file, and for too many.
    """
    position = 0
    for _ in range(MAX_TAGS):
        source.seek(position)
        header = source.read(ID3_HEADER_BYTES)
        if len(header) < ID3_HEADER_BYTES or header[:3] != b"ID3":
            return position
        position += _id3_bytes(header)
        if position > size_bytes:
            raise catalogue.CorruptContent(note="ID3 tag reaches behind the file")
    raise catalogue.CorruptContent(note="too many ID3 tags")


def skip_trailing_tags(source: BinaryIO, start: int, size_bytes: int) -> int:
    """Where the sound that begins at `start` ends, tags behind it left out."""
    end = size_bytes
    for _ in range(MAX_TAGS):
        length = _trailing_tag_bytes(source, start, end)
        if length == 0:
            break
        end -= length
    return end


def synchsafe(content: bytes) -> int:
    """A length with seven bits in each byte (ID3v2.4.0, 6.2).

    Raises CorruptContent for an eighth bit.
    """
    if any(byte & 0x80 for byte in content):
        raise catalogue.CorruptContent(note="ID3 length has wrong bits")
    length = 0
    for byte in content:
        length = length << 7 | byte
    return length


def _id3_bytes(header: bytes) -> int:
    """The whole tag, with its header and footer (ID3v2.4.0, 3.1 and 3.4)."""
    footer = ID3_HEADER_BYTES if header[5] & ID3_HAS_FOOTER else 0
    return ID3_HEADER_BYTES + synchsafe(header[6:ID3_HEADER_BYTES]) + footer


def _trailing_tag_bytes(source: BinaryIO, start: int, end: int) -> int:
    """How long the tag is that ends there; 0 when none does."""
    source.seek(max(start, end - ID3V1_EXTENDED_BYTES))
    tail = source.read(end - source.tell())
    length = 0
    if len(tail) >= ID3V1_BYTES and ID3V1_START.match(tail, len(tail) - ID3V1_BYTES):
        length = ID3V1_BYTES
    elif tail.startswith(b"TAG+") and len(tail) == ID3V1_EXTENDED_BYTES:
        length = ID3V1_EXTENDED_BYTES
    elif tail[-APE_FOOTER_BYTES:].startswith(b"APETAGEX"):
        length = _ape_bytes(tail[-APE_FOOTER_BYTES:])
    elif tail.endswith(b"LYRICS200") and tail[-LYRICS_END_BYTES:-9].isdigit():
        length = LYRICS_END_BYTES + int(tail[-LYRICS_END_BYTES:-9])
    elif tail[-ID3_HEADER_BYTES:].startswith(b"3DI") and tail[-4:].isascii():
        length = _id3_bytes(tail[-ID3_HEADER_BYTES:])
    return length if length <= end - start else 0


def _ape_bytes(footer: bytes) -> int:
    """The tag with its footer, and its header when it has one (APEv2 specification)."""
    has_header = int.from_bytes(footer[20:24], "little") & APE_HAS_HEADER
    length = int.from_bytes(footer[12:16], "little")
    return max(length, APE_FOOTER_BYTES) + (APE_FOOTER_BYTES if has_header else 0)
