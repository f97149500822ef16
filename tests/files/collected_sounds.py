"""Recordings of the collection, with what must be told of each."""

from __future__ import annotations

from collections.abc import Callable

from tests.files import audio
from tests.files.sample import Sample

TITLED = {"title": "A title", "artist": "Someone"}
TAGGED = {**TITLED, "album": "An album", "date": "2021-02-03", "genre": "Rock"}
MEDIA_TYPES = {
    "wav": "audio/vnd.wave",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    **dict.fromkeys(("ogg", "oga", "opus"), "audio/ogg"),
}


def sample(
    name: str,
    make: Callable[[], bytes],
    codec: str,
    rate: int,
    bitrate: int,
    *,
    seconds: float = 0.1,
    channels: int = 1,
    tags: dict[str, str] | None = None,
) -> Sample:
    """A recording; tags that are not given must not be told."""
    empty = dict.fromkeys(("title", "artist", "album", "date", "genre"))
    told = {
        "kind": "audio",
        "codec": codec,
        "duration_seconds": seconds,
        "channels": channels,
        "sample_rate": rate,
        "bitrate": bitrate,
        "tags": empty | (tags or {}),
    }
    return Sample(name, MEDIA_TYPES[name.rpartition(".")[2]], make, told)


def floats() -> bytes:
    """A tenth of a second of 32-bit floats, with tags of RIFF."""
    return audio.riff(
        audio.pcm_format(channels=2, rate=8000, bits=32, number=3),
        audio.info_list(INAM="A title", IART="Someone"),
        audio.chunk(b"data", bytes(800 * 2 * 4)),
    )


def tagged_wave() -> bytes:
    """Sound followed by an ID3 tag."""
    sound = audio.chunk(b"data", bytes(1600))
    return audio.riff(audio.pcm_format(), sound, audio.chunk(b"id3 ", audio.id3(3, 1)))


def telephone() -> bytes:
    """Half a second of A-law."""
    sound = audio.chunk(b"data", bytes(4000))
    return audio.riff(audio.pcm_format(bits=8, number=6), sound)


SAMPLES = [
    sample("mono.wav", audio.wav, "pcm", 8000, 128_000),
    sample(
        "stereo.wav", lambda: audio.wav(4410, 2, 3, 44_100), "pcm", 44_100, 2_116_800, channels=2
    ),
    sample(
        "bytes.wav", lambda: audio.wav(11_025, 1, 1, 11_025), "pcm", 11_025, 88_200, seconds=1.0
    ),
    sample("floats.wav", floats, "float", 8000, 512_000, channels=2, tags=TITLED),
    sample("tagged.wav", tagged_wave, "pcm", 8000, 128_000, tags=TAGGED),
    sample("telephone.wav", telephone, "alaw", 8000, 64_000, seconds=0.5),
    # 1,042 bytes in the six frames of 576 samples that follow LAME's own.
    sample("lame.mp3", audio.mp3, "mp3", 22_050, round(8 * 1042 * 22_050 / (6 * 576)), tags=TITLED),
    # No header tells the length of these: it is 40 frames of 417 bytes at 128 kbit/s, about.
    sample(
        "plain.mp3", lambda: audio.mp3_frames(40), "mp3", 44_100, 128_000, seconds=1.042, channels=2
    ),
    sample(
        "tagged.mp3",
        lambda: audio.id3(4) + audio.mp3_frames(40),
        "mp3",
        44_100,
        128_000,
        seconds=1.042,
        channels=2,
        tags=TAGGED,
    ),
    sample(
        "old.mp3",
        lambda: audio.id3(3, 1) + audio.mp3_frames(40) + audio.id3v1(),
        "mp3",
        44_100,
        128_000,
        seconds=1.042,
        channels=2,
        tags=TAGGED,
    ),
    # A tenth of a second in 372 bytes of sound; of an Ogg the whole file counts.
    sample("tone.flac", audio.flac, "flac", 8000, 8 * 3720, tags=TITLED),
    sample(
        "tagged.flac",
        lambda: audio.tagged_flac(title="Übung", date="1999"),
        "flac",
        8000,
        8 * 3720,
        tags={"title": "Übung", "date": "1999"},
    ),
    # The nominal rate in its header (0x6270).
    sample("tone.ogg", audio.vorbis, "vorbis", 8000, 0x6270, tags=TITLED),
    sample("tone.opus", audio.opus, "opus", 48_000, 80 * len(audio.opus()), tags=TITLED),
    sample("tone.oga", audio.ogg_flac, "flac", 8000, 80 * len(audio.ogg_flac()), tags=TITLED),
    sample("voice.ogg", audio.speex, "speex", 8000, 0, tags=TITLED),
]
