"""What is told of a recording, against what was recorded."""

from __future__ import annotations

import contextlib
import io
import struct
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mutagen.flac import Picture

from errors import catalogue
from filesvc.processors import audio_ogg as ogg
from filesvc.processors import audio_wav
from filesvc.processors.audio import describe_audio
from tests.files import audio
from tests.files.audio import chunk, info_list, pcm_format, riff, wav
from tests.filesvc.processors.telling import tell

NO_TAGS = dict.fromkeys(["title", "artist", "album", "date", "genre"])
ALL_TAGS = {
    "title": "A title",
    "artist": "Someone",
    "album": "An album",
    "date": "2021-02-03",
    "genre": "Rock",
}
REAL: dict[str, tuple[bytes, str, int]] = {
    "flac": (audio.flac(), "flac", audio.FLAC_RATE),
    "vorbis": (audio.vorbis(), "vorbis", audio.VORBIS_RATE),
    "opus": (audio.opus(), "opus", audio.OPUS_RATE),
    "mp3": (audio.mp3(), "mp3", audio.MP3_RATE),
    "ogg flac": (audio.ogg_flac(), "flac", audio.FLAC_RATE),
    "speex": (audio.speex(), "speex", 8000),
}
FRAMES = audio.mp3_frames(50)
TEXTS = st.text(st.characters(categories=["L", "N", "S", "Po"]), min_size=1, max_size=40)
SOUND = chunk(b"data", bytes(1600))


def split_pages(content: bytes) -> list[bytes]:
    """The pages of an Ogg without "OggS" inside."""
    return [ogg.CAPTURE + page for page in content.split(ogg.CAPTURE)[1:]]


def describe(content: bytes) -> dict[str, Any]:
    return tell(describe_audio, content)


@pytest.mark.parametrize("kind", REAL)
def test_what_an_encoder_wrote_is_told(kind: str) -> None:
    content, codec, rate = REAL[kind]

    told = describe(content)

    assert told["codec"] == codec
    assert told["duration_seconds"] == audio.SECONDS
    assert (told["channels"], told["sample_rate"]) == (1, rate)
    assert (told["tags"]["title"], told["tags"]["artist"]) == ("A title", "Someone")


@pytest.mark.property
@given(
    samples=st.integers(0, 5000),
    channels=st.integers(1, 4),
    width_bytes=st.sampled_from([1, 2, 3, 4]),
    rate=st.integers(1, 200_000),
)
def test_a_wav_is_as_long_as_its_samples(
    samples: int, channels: int, width_bytes: int, rate: int
) -> None:
    told = describe(wav(samples, channels, width_bytes, rate))

    assert told == {
        "kind": "audio",
        "codec": "pcm",
        "duration_seconds": round(samples / rate, 3),
        "channels": channels,
        "sample_rate": rate,
        "bitrate": channels * width_bytes * 8 * rate,
        "tags": NO_TAGS,
    }


@pytest.mark.property
@given(frames=st.integers(4, 300), is_tagged=st.booleans())
def test_an_mp3_of_one_rate_is_as_long_as_its_frames(frames: int, is_tagged: bool) -> None:
    tags = (audio.id3(), audio.id3v1()) if is_tagged else (b"", b"")

    told = describe(audio.mp3_frames(frames).join(tags))

    # An estimate: frames are 417 or 418 bytes long, these all 417.
    assert told["duration_seconds"] == round(frames * 417 * 8 / 128_000, 3)
    assert told["duration_seconds"] == pytest.approx(frames * 1152 / 44_100, rel=0.01)
    assert told["bitrate"] == 128_000


@pytest.mark.property
@given(tags=st.fixed_dictionaries(dict.fromkeys(NO_TAGS, TEXTS)))
def test_comments_of_a_flac_are_told(tags: dict[str, str]) -> None:
    content = audio.tagged_flac(**tags, comment="not told", replaygain="1")

    assert describe(content)["tags"] == {
        name: " ".join(text.split()) for name, text in tags.items()
    }


@pytest.mark.property
@given(
    title=TEXTS,
    version=st.sampled_from([3, 4]),
    encoding=st.sampled_from([1, 3]),
    picture=st.sampled_from([0, 200, 300_000]),
)
def test_the_title_of_an_mp3_is_told(title: str, version: int, encoding: int, picture: int) -> None:
    # In ID3v2.3 a slash parts several values.
    title = title.replace("/", "-")

    content = audio.id3(version, encoding, title, picture) + FRAMES

    assert describe(content)["tags"] == ALL_TAGS | {"title": " ".join(title.split())}


@pytest.mark.property
@given(
    kind=st.sampled_from(sorted(REAL)),
    damage=st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 5000),
    start=st.sampled_from([b"", audio.id3(3), audio.id3(4, 1)]),
)
@example(kind="flac", damage=[], cut=5, start=b"")
@example(kind="vorbis", damage=[(26, 0)], cut=5000, start=b"")
def test_a_damaged_recording_is_told_or_refused(
    kind: str, damage: list[tuple[int, int]], cut: int, start: bytes
) -> None:
    content = bytearray(start + REAL[kind][0])
    for place, byte in damage:
        content[place % len(content)] = byte

    with contextlib.suppress(catalogue.CorruptContent):
        assert describe(bytes(content[:cut]))["duration_seconds"] >= 0


@pytest.mark.property
@given(content=st.binary(max_size=200), start=st.sampled_from([b"", b"RIFF", b"OggS\0", b"fLaC"]))
def test_any_bytes_are_told_or_refused(content: bytes, start: bytes) -> None:
    with contextlib.suppress(catalogue.CorruptContent):
        assert describe(start + content)["kind"] == "audio"


@pytest.mark.parametrize(
    ("number", "codec"),
    [
        (1, "pcm"),
        (3, "float"),
        (6, "alaw"),
        (7, "mulaw"),
        (17, "adpcm"),
        (85, "mp3"),
        (99, "other"),
    ],
)
def test_the_codec_in_a_wav_is_told(number: int, codec: str) -> None:
    assert describe(riff(pcm_format(number=number), SOUND))["codec"] == codec


def test_an_extensible_wav_tells_its_codec_further_on() -> None:
    plain = pcm_format(number=0xFFFE)[8:]
    extension = struct.pack("<HHIH", 22, 16, 4, 3) + bytes(14)

    assert describe(riff(chunk(b"fmt ", plain + extension), SOUND))["codec"] == "float"


@pytest.mark.parametrize("length", [0, 0x7FFFF000, 0xFFFFFFFF])
def test_a_wav_written_to_a_pipe_is_as_long_as_the_bytes_that_are_there(length: int) -> None:
    sound = b"data" + length.to_bytes(4, "little") + bytes(1600)

    assert describe(riff(pcm_format(), sound, length=length))["duration_seconds"] == 0.1


def test_a_wav_with_long_lengths_has_them_in_a_chunk_of_its_own() -> None:
    lengths = chunk(b"ds64", struct.pack("<QQQI", 2000, 1600, 800, 0))
    content = riff(lengths, pcm_format(), b"data" + b"\xff" * 4 + bytes(1600), info_list(INAM="x"))

    assert describe(b"RF64" + content[4:])["duration_seconds"] == 0.1


def test_tags_of_a_wav_are_told_from_its_list_or_its_id3() -> None:
    listed = info_list(INAM="A list", IART="Ann", IPRD="B", ICRD="1999", IGNR="Jazz")
    values = {"title": "A list", "artist": "Ann", "album": "B", "date": "1999", "genre": "Jazz"}

    assert describe(riff(pcm_format(), listed, SOUND))["tags"] == values
    tagged = riff(pcm_format(), listed, SOUND, chunk(b"id3 ", audio.id3()))
    assert describe(tagged)["tags"] == ALL_TAGS


def test_a_picture_among_the_comments_is_not_told() -> None:
    picture = Picture()
    picture.data = bytes(500_000)
    large = picture.write().hex().encode()
    tags = b"OpusTags" + audio.comments(b"METADATA_BLOCK_PICTURE=" + large, b"TITLE=A title")
    head = b"OpusHead\x01\x01\0\0\x40\x1f\0\0\0\0\0"

    told = describe(audio.pages(head, tags, b"\xfc", length=4800))

    assert told["tags"] == NO_TAGS | {"title": "A title"}
    assert told["duration_seconds"] == 0.1


def test_several_artists_are_told_together() -> None:
    tags = b"OpusTags" + audio.comments(b"artist=Ann", b"ARTIST=Bob", b"Artist=\x01")
    head = b"OpusHead\x01\x02\0\0\x40\x1f\0\0\0\0\0"

    assert describe(audio.pages(head, tags, b"x"))["tags"]["artist"] == "Ann; Bob"


@pytest.mark.parametrize(
    "content",
    [
        audio.opus()[:47],
        audio.pages(b"OpusHead\x01\x01", b"x", serial=5)[:200],
        audio.pages(b"\x80theora", b"x") * 200,
        audio.opus()[:-100] + b"x" * 100 + bytes(1024 * 1024),
        b"fLaC" + b"\x04\0\0\0" * 1001,
        b"fLaC\0\xff\xff\xff" + bytes(100),
    ],
    ids=["head alone", "no comments", "no sound", "no last page", "blocks", "long block"],
)
def test_headers_without_an_end_are_refused(content: bytes) -> None:
    with pytest.raises(catalogue.CorruptContent):
        describe(content)


def test_tags_of_a_wav_may_be_of_an_older_encoding() -> None:
    listed = chunk(b"LIST", b"INFO" + chunk(b"INAM", b"caf\xe9\0"))

    assert describe(riff(pcm_format(), listed, SOUND))["tags"]["title"] == "caf\xe9"


def test_the_same_recording_is_told_alike_each_time() -> None:
    source = io.BytesIO(audio.mp3()).getvalue()

    assert describe(source) == describe(source)


@pytest.mark.property
@given(
    before=st.integers(0, 2),
    between=st.integers(0, 3),
    behind=st.integers(0, 3),
    length=st.integers(1, 10**6),
)
def test_streams_beside_the_sound_change_nothing(
    before: int, between: int, behind: int, length: int
) -> None:
    # As in a video, whose pictures are another stream (RFC 3533, 4).
    first, rest = split_pages(audio.speex(length=length))
    start, *others = split_pages(audio.pages(b"\x80theora", b"x", b"y", length=7, serial=2))

    content = [*[start] * before, first, *others * between, rest, *others * behind]

    assert describe(b"".join(content)) == describe(audio.speex(length=length))


def test_a_stream_whose_end_belongs_to_another_alone_is_corrupt() -> None:
    first, rest = split_pages(audio.speex())
    others = split_pages(audio.pages(b"\x80theora", b"x", bytes(3 * ogg.TAIL_BYTES), serial=2))

    with pytest.raises(catalogue.CorruptContent):
        describe(first + rest + b"".join(others))


def test_a_wav_is_read_to_a_number_of_chunks_and_no_further(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tags = info_list(INAM="A title")
    content = riff(pcm_format(), SOUND, chunk(b"junk", b""), tags)

    assert describe(content)["tags"]["title"] == "A title"

    monkeypatch.setattr(audio_wav, "MAX_CHUNKS", 3)
    told = describe(content)
    assert (told["tags"], told["codec"]) == (NO_TAGS, "pcm")
