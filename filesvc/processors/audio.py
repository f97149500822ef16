"""Recordings: codec, length, channels, rate and tags; pictures among the tags are not copied."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import BinaryIO

from mutagen import MutagenError

from errors import catalogue
from filesvc.metadata import AudioMetadata
from filesvc.processors.audio_flac import read_flac
from filesvc.processors.audio_mp3 import read_mp3
from filesvc.processors.audio_ogg import read_ogg
from filesvc.processors.audio_sound import Sound
from filesvc.processors.audio_wav import read_wav
from filesvc.processors.subject import Description, Subject
from security.audio_tags import skip_leading_tags

# By content: a name or a type that was told decides nothing.
READERS: dict[bytes, Callable[[BinaryIO, int], Sound]] = {
    b"RIFF": read_wav,
    b"RF64": read_wav,
    b"BW64": read_wav,
    b"OggS": read_ogg,
    b"fLaC": read_flac,
}
# What mutagen and our own walks raised on damaged files (measured).
UNREADABLE = (
    MutagenError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    EOFError,
    struct.error,
)


def describe_audio(subject: Subject) -> Description:
    """Codec, length in seconds, channels, samples and bits per second, and five tags.

    Raises CorruptContent.
    """
    try:
        sound = _read(subject.source, subject.size_bytes)
    except UNREADABLE as error:
        raise catalogue.CorruptContent(note=type(error).__name__) from error
    return Description(
        AudioMetadata(
            codec=sound.codec,
            # A float of the shortest form: the same file always tells the same digits.
            duration_seconds=round(float(sound.seconds), 3),
            channels=sound.channels,
            sample_rate=sound.sample_rate,
            bitrate=sound.bitrate,
            tags=sound.tags,
        )
    )


def _read(source: BinaryIO, size_bytes: int) -> Sound:
    source.seek(skip_leading_tags(source, size_bytes))
    read = READERS.get(source.read(4), read_mp3)
    source.seek(0)
    return read(source, size_bytes)
