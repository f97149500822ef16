"""Ogg: what the headers of its first stream of sound tell, read by mutagen from an excerpt."""

from __future__ import annotations

import io
import struct
from typing import Any, BinaryIO

from mutagen.ogg import OggFileType, OggPage
from mutagen.oggflac import OggFLAC
from mutagen.oggopus import OggOpus
from mutagen.oggspeex import OggSpeex
from mutagen.oggvorbis import OggVorbis

from errors import catalogue
from filesvc.processors.audio_sound import Sound, average_bitrate
from filesvc.processors.audio_tags import MAX_TAG_BYTES, pick_comments, tell_comments

# How the first packet begins -> codec, reader, the bytes before the comments and behind them.
CODECS: dict[bytes, tuple[str, type[OggFileType], int, bytes]] = {
    b"\x01vorbis": ("vorbis", OggVorbis, 7, b"\1"),
    b"OpusHead": ("opus", OggOpus, 8, b""),
    b"\x7fFLAC": ("flac", OggFLAC, 4, b""),
    b"Speex   ": ("speex", OggSpeex, 0, b""),
}
OPUS_RATE = 48_000  # Opus plays at this rate, whatever was recorded (RFC 7845, 5.1)
# The headers of all streams; a picture among the comments takes a page for each 64 KB.
MAX_HEAD_PAGES = MAX_TAG_BYTES // 65_025
# The last page of this stream: those of others may follow it.
TAIL_BYTES = 1024 * 1024
CAPTURE = b"OggS"
PAGE_HEAD = struct.Struct("<4sBBqI")


def read_ogg(source: BinaryIO, size_bytes: int) -> Sound:
    """The sound of the first stream of sound in an Ogg.

    Raises CorruptContent, and what mutagen raises.
    """
    first, comments = _read_headers(source)
    start = first.packets[0]
    codec, reader, before, behind = next(
        found for magic, found in CODECS.items() if start.startswith(magic)
    )
    kept = comments[:before] + pick_comments(comments[before:]) + behind
    length = _find_length(source, size_bytes, first.serial)
    told: Any = reader(io.BytesIO(_excerpt(first, kept, length)))  # by its type all is None
    rate = OPUS_RATE if codec == "opus" else told.info.sample_rate
    seconds = max(0.0, told.info.length)
    is_told = codec in ("vorbis", "speex")
    return Sound(
        codec=codec,
        seconds=seconds,
        channels=told.info.channels,
        sample_rate=rate,
        bitrate=told.info.bitrate if is_told else average_bitrate(size_bytes, seconds),
        tags=tell_comments(lambda name: told.tags.get(name, [])),
    )


def _read_headers(source: BinaryIO) -> tuple[OggPage, bytes]:
    """The page that begins the first stream of sound, and the packet of its comments."""
    first: OggPage | None = None
    following: list[OggPage] = []
    for _ in range(MAX_HEAD_PAGES):
        page = OggPage(source)
        if first is None:
            if page.first and page.packets and page.packets[0].startswith(tuple(CODECS)):
                first = page
        elif page.serial == first.serial:
            following.append(page)
            if page.complete or len(page.packets) > 1:
                return first, OggPage.to_packets(following)[0]
    raise catalogue.CorruptContent(note="no Ogg stream of sound, or no end of its comments")


def _find_length(source: BinaryIO, size_bytes: int, serial: int) -> int:
    """The position, in samples, that the last page of the stream tells."""
    source.seek(max(0, size_bytes - TAIL_BYTES))
    tail = source.read(TAIL_BYTES)
    place = tail.rfind(CAPTURE, 0, len(tail) - PAGE_HEAD.size + len(CAPTURE))
    while place >= 0:
        _, version, _, position, owner = PAGE_HEAD.unpack_from(tail, place)
        if (version, owner) == (0, serial) and position >= 0:
            return int(position)
        place = tail.rfind(CAPTURE, 0, place)
    raise catalogue.CorruptContent(note="no last Ogg page")


def _excerpt(first: OggPage, comments: bytes, length: int) -> bytes:
    """An Ogg of this stream's headers and a last page without sound."""
    last = OggPage()
    last.packets, last.position, last.last = [b""], length, True
    pages = [first, *OggPage.from_packets([comments], sequence=first.sequence + 1), last]
    last.sequence = pages[-2].sequence + 1
    for page in pages:
        page.serial = first.serial
    return b"".join(page.write() for page in pages)
