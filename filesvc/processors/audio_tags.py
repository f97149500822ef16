"""Title, artist, album, date and genre of a recording, from ID3 or Vorbis comments.

mutagen believes what a tag claims: one of many tiny frames takes it minutes, a compressed one all
memory. So only the few frames that are told are copied, each of a bounded size, into a small tag
of the same kind, and mutagen reads that: it knows the encodings, genres and forms of a date.
"""

from __future__ import annotations

import codecs
import io
import re
import struct
from collections.abc import Callable
from typing import BinaryIO

from mutagen.id3 import ID3, ID3NoHeaderError

from filesvc.metadata import Tags, clean_text
from security.audio_tags import ID3_HEADER_BYTES, ID3V1_BYTES, synchsafe

# A tag of that size holds several pictures; what stands behind it is not told.
MAX_TAG_BYTES = 16 * 1024 * 1024
# A title is cut at 256 characters when it is told.
MAX_VALUE_BYTES = 8 * 1024
MAX_VALUES = 32
MAX_STEPS = 10_000
# The frames of title, artist, album, date and genre in ID3v2.2, and in 2.3 and 2.4.
ID3_FRAMES = (
    *(b"TT2", b"TP1", b"TAL", b"TYE", b"TDA", b"TIM", b"TCO"),
    *(b"TIT2", b"TPE1", b"TALB", b"TYER", b"TDAT", b"TIME", b"TDRC", b"TCON"),
)
COMMENTS = (b"TITLE", b"ARTIST", b"ALBUM", b"DATE", b"GENRE")
_FRAME_NAME = re.compile(rb"[A-Z][A-Z0-9]{2,3}")
UNSYNCHRONISED, EXTENDED = 0x80, 0x40
# Encodings of ID3, loaded now: where files are processed nothing can be opened.
for _name in ("latin-1", "utf-8", "utf-16", "utf-16-be", "utf-16-le"):
    codecs.lookup(_name)
# Low byte of the flags: compressed or encrypted in ID3v2.3, in 2.4.
PACKED = {3: 0xC0, 4: 0x0C}


def pick_id3(source: BinaryIO) -> bytes:
    """The ID3v2 tag that stands there with nothing but the frames that are told; else b"".

    Frames that are compressed, encrypted or longer than `MAX_VALUE_BYTES` are left out.
    Raises CorruptContent for a broken length.
    """
    header = source.read(ID3_HEADER_BYTES)
    if len(header) < ID3_HEADER_BYTES or header[:3] != b"ID3" or header[3] not in (2, 3, 4):
        return b""
    version, flags = header[3], header[5]
    body = source.read(min(synchsafe(header[6:]), MAX_TAG_BYTES))
    if version < 4 and flags & UNSYNCHRONISED:
        body = body.replace(b"\xff\0", b"\xff")
        flags = 0
    place = _skip_extended(body, version) if flags & EXTENDED and version > 2 else 0
    frames = b"".join(_pick_frames(body, place, version))
    size = struct.pack("4B", *(len(frames) >> shift & 0x7F for shift in (21, 14, 7, 0)))
    return b"ID3" + bytes((version, 0, flags & UNSYNCHRONISED)) + size + frames


def _skip_extended(body: bytes, version: int) -> int:
    """Some writers set the flag and leave the extended header out (as mutagen has it)."""
    if _FRAME_NAME.match(body):
        return 0
    return synchsafe(body[:4]) if version == 4 else 4 + int.from_bytes(body[:4], "big")


def _pick_frames(body: bytes, place: int, version: int) -> list[bytes]:
    picked: list[bytes] = []
    name_bytes, head_bytes = (3, 6) if version == 2 else (4, 10)
    for _ in range(MAX_STEPS):
        head = body[place : place + head_bytes]
        name = head[:name_bytes]
        if len(head) < head_bytes or not _FRAME_NAME.match(name) or len(picked) == MAX_VALUES:
            break
        size = _frame_bytes(body, place, version)
        place += head_bytes
        packed = version > 2 and head[9] & PACKED[version]
        if name in ID3_FRAMES and 0 < size <= MAX_VALUE_BYTES and not packed:
            if version == 4:
                head = name + struct.pack("4B", 0, 0, size >> 7, size & 0x7F) + head[8:]
            picked.append(head + body[place : place + size])
        place += size
    return picked


def _frame_bytes(body: bytes, place: int, version: int) -> int:
    """The length of a frame. In 2.4 it has seven bits a byte, but iTunes wrote eight."""
    if version == 2:
        return int.from_bytes(body[place + 3 : place + 6], "big")
    field = body[place + 4 : place + 8]
    plain = int.from_bytes(field, "big")
    if version == 3 or not field.isascii():
        return plain
    size = synchsafe(field)
    following = (body[place + 10 + length : place + 14 + length] for length in (size, plain))
    fits = [not name.strip(b"\0") or bool(_FRAME_NAME.match(name)) for name in following]
    return plain if fits == [False, True] else size


def pick_comments(packet: bytes) -> bytes:
    """Vorbis comments with nothing but the tags that are told (Vorbis I, section 5).

    What breaks off is told as far as it goes.
    """
    picked: list[bytes] = []
    place = 4 + int.from_bytes(packet[:4], "little")
    count = int.from_bytes(packet[place : place + 4], "little")
    place += 4
    for _ in range(min(count, MAX_STEPS)):
        length = int.from_bytes(packet[place : place + 4], "little")
        place += 4
        if place + length > len(packet) or len(picked) == MAX_VALUES:
            break
        name = packet[place : min(place + length, place + 16)].partition(b"=")[0]
        if name.upper() in COMMENTS and length <= MAX_VALUE_BYTES:
            picked.append(struct.pack("<I", length) + packet[place : place + length])
        place += length
    return struct.pack("<II", 0, len(picked)) + b"".join(picked)


def tell_id3(tag: bytes, id3v1: bytes = b"") -> Tags:
    """What an ID3v2 tag says, made by `pick_id3`, and an old one from the end of a file.

    Raises what mutagen raises.
    """
    old = id3v1 if len(id3v1) == ID3V1_BYTES and id3v1.startswith(b"TAG") else b""
    try:
        frames = ID3(io.BytesIO(tag + old))
    except ID3NoHeaderError:
        return Tags()
    genres = frames["TCON"].genres if "TCON" in frames else []
    return Tags(
        title=tell_values(_texts(frames, "TIT2")),
        artist=tell_values(_texts(frames, "TPE1")),
        album=tell_values(_texts(frames, "TALB")),
        date=tell_values(_texts(frames, "TDRC")),
        genre=tell_values(genres),
    )


def _texts(frames: ID3, name: str) -> list[str]:
    return [str(text) for text in frames[name].text] if name in frames else []


def tell_comments(values: Callable[[str], list[str]]) -> Tags:
    """What Vorbis comments say; `values` gives those of one name."""
    return Tags(
        title=tell_values(values("title")),
        artist=tell_values(values("artist")),
        album=tell_values(values("album")),
        date=tell_values(values("date")),
        genre=tell_values(values("genre")),
    )


def tell_values(values: list[str]) -> str | None:
    """Several values of one tag as one, fit to be told."""
    return clean_text("; ".join(filter(None, map(clean_text, values))))
