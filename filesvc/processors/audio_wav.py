"""WAV: what its chunks tell; mutagen reads the ID3 tag in one of them.

Not mutagen's own reader of WAV: it takes a length of 0 or 4 GiB (written to a pipe) for the
truth, counts blocks of compressed sound as samples, and knows neither RF64 nor INFO tags.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from errors import catalogue
from filesvc.metadata import Tags
from filesvc.processors.audio_sound import Sound
from filesvc.processors.audio_tags import MAX_TAG_BYTES, pick_id3, tell_id3, tell_values

RIFF_HEADER_BYTES, CHUNK_HEADER_BYTES = 12, 8
MAX_CHUNKS = 10_000
MAX_INFO_BYTES = 64 * 1024
FORMAT = struct.Struct("<HHIIHH")
EXTENSIBLE, SUBFORMAT_AT = 0xFFFE, 24
UNKNOWN_LENGTHS_FROM = 0x7FFF_0000  # what a writer leaves who could not go back
# Registered numbers of formats (RFC 2361); the first four have samples of one length.
CODECS = {
    1: "pcm", 3: "float", 6: "alaw", 7: "mulaw",
    2: "adpcm", 17: "adpcm", 0x40: "adpcm", 0x31: "gsm", 0x50: "mp2", 0x55: "mp3",
}  # fmt: skip
SAMPLED = ("pcm", "float", "alaw", "mulaw")
INFO = {"title": b"INAM", "artist": b"IART", "album": b"IPRD", "date": b"ICRD", "genre": b"IGNR"}


class Chunk(NamedTuple):
    """One chunk, as it stands there."""

    name: bytes
    position: int
    length: int


def read_wav(source: BinaryIO, size_bytes: int) -> Sound:
    """The sound of a WAV, as long as the bytes that are there.

    Raises CorruptContent, and what mutagen raises.
    """
    chunks = {chunk.name: chunk for chunk in reversed(list(_walk(source)))}
    if b"fmt " not in chunks or b"data" not in chunks:
        raise catalogue.CorruptContent(note="WAV without format or sound")
    content = _read(source, chunks[b"fmt "], MAX_INFO_BYTES)
    number, channels, rate, byte_rate, block_bytes, bits = FORMAT.unpack_from(content)
    if number == EXTENSIBLE:
        (number,) = struct.unpack_from("<H", content, SUBFORMAT_AT)
    codec = CODECS.get(number, "other")
    if codec in SAMPLED:
        byte_rate = block_bytes * rate
    sound_bytes = _sound_bytes(source, chunks, size_bytes)
    return Sound(
        codec=codec,
        seconds=sound_bytes / byte_rate if byte_rate else 0.0,
        channels=channels,
        sample_rate=rate,
        bitrate=channels * bits * rate if codec in SAMPLED else 8 * byte_rate,
        tags=_read_tags(source, chunks),
    )


def _walk(source: BinaryIO) -> Iterator[Chunk]:
    """The chunks of the file; lists of tags by the name of the list."""
    position = RIFF_HEADER_BYTES
    for _ in range(MAX_CHUNKS):
        source.seek(position)
        header = source.read(CHUNK_HEADER_BYTES + 4)
        if len(header) < CHUNK_HEADER_BYTES:
            return
        name, length = struct.unpack_from("<4sI", header)
        name = header[CHUNK_HEADER_BYTES:] if name == b"LIST" else name.lower()
        yield Chunk(name, position + CHUNK_HEADER_BYTES, length)
        position += CHUNK_HEADER_BYTES + length
        source.seek(position)
        # The padding of an odd length, unless its writer left it out.
        position += length % 2 and source.read(1) == b"\0"


def _read(source: BinaryIO, chunk: Chunk, most_bytes: int) -> bytes:
    source.seek(chunk.position)
    return source.read(min(chunk.length, most_bytes))


def _sound_bytes(source: BinaryIO, chunks: dict[bytes, Chunk], size_bytes: int) -> int:
    """As many as there are; RF64 has the number in a chunk of its own (EBU 3306, 2.5)."""
    sound = chunks[b"data"]
    there, told = max(0, size_bytes - sound.position), sound.length
    if told >= UNKNOWN_LENGTHS_FROM and b"ds64" in chunks:
        told = int.from_bytes(_read(source, chunks[b"ds64"], 16)[8:], "little")
    return min(told, there) if told else there


def _read_tags(source: BinaryIO, chunks: dict[bytes, Chunk]) -> Tags:
    """From an ID3 tag when there is one, else from the list of INFO."""
    if b"id3 " in chunks:
        tag = _read(source, chunks[b"id3 "], MAX_TAG_BYTES)
        return tell_id3(pick_id3(io.BytesIO(tag)))
    if b"INFO" not in chunks:
        return Tags()
    content = _read(source, chunks[b"INFO"], MAX_INFO_BYTES)
    told = {}
    inner = io.BytesIO(bytes(RIFF_HEADER_BYTES) + content[4:])
    for chunk in _walk(inner):
        told[chunk.name.upper()] = _read(inner, chunk, MAX_INFO_BYTES)
    return Tags(**{tag: tell_values([_decode(told.get(name, b""))]) for tag, name in INFO.items()})


def _decode(value: bytes) -> str:
    """Programs disagree on the encoding of INFO."""
    value = value.split(b"\0")[0]
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
