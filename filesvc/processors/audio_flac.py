"""FLAC: what its metadata blocks tell, read by mutagen from an excerpt."""

from __future__ import annotations

import io
from typing import Any, BinaryIO

from mutagen.flac import FLAC

from errors import catalogue
from filesvc.processors.audio_sound import Sound, average_bitrate
from filesvc.processors.audio_tags import MAX_TAG_BYTES, pick_comments, tell_comments
from security.audio_tags import skip_leading_tags

MARKER = b"fLaC"
# Writers use a dozen; each picture is one.
MAX_BLOCKS = 1000
STREAMINFO, COMMENTS, IS_LAST = 0, 4, 0x80
STREAMINFO_BYTES = 34


def read_flac(source: BinaryIO, size_bytes: int) -> Sound:
    """The sound of a FLAC.

    Raises CorruptContent, and what mutagen raises.
    """
    source.seek(skip_leading_tags(source, size_bytes) + len(MARKER))
    excerpt = _excerpt(source, size_bytes)
    sound_bytes = size_bytes - source.tell()
    flac: Any = FLAC(io.BytesIO(excerpt))  # its tags may be None by their type
    return Sound(
        codec="flac",
        seconds=flac.info.length,
        channels=flac.info.channels,
        sample_rate=flac.info.sample_rate,
        bitrate=average_bitrate(sound_bytes, flac.info.length),
        tags=tell_comments(lambda name: flac.tags.get(name, [])),
    )


def _excerpt(source: BinaryIO, size_bytes: int) -> bytes:
    """The first STREAMINFO and the first comments, as a FLAC without sound.

    The source then stands behind the metadata.
    """
    found: dict[int, bytes] = {}
    for _ in range(MAX_BLOCKS):
        header = source.read(4)
        kind, length = header[0] & 0x7F, int.from_bytes(header[1:], "big")
        following = source.tell() + length
        if following > size_bytes:
            break
        if kind in (STREAMINFO, COMMENTS) and kind not in found:
            found[kind] = source.read(min(length, MAX_TAG_BYTES))
        source.seek(following)
        if header[0] & IS_LAST:
            return (
                MARKER
                + _block(STREAMINFO, found.get(STREAMINFO, b"")[:STREAMINFO_BYTES])
                + _block(COMMENTS | IS_LAST, pick_comments(found.get(COMMENTS, bytes(8))))
            )
    raise catalogue.CorruptContent(note="FLAC metadata without an end")


def _block(kind: int, content: bytes) -> bytes:
    return bytes((kind,)) + len(content).to_bytes(3, "big") + content
