"""MP3: what its first frames tell, read by mutagen."""

from __future__ import annotations

from typing import BinaryIO

from mutagen.mp3 import MPEGInfo

from filesvc.processors.audio_sound import Sound, Window
from filesvc.processors.audio_tags import pick_id3, tell_id3
from security.audio_tags import ID3V1_BYTES, skip_leading_tags, skip_trailing_tags

CODECS = {1: "mp1", 2: "mp2", 3: "mp3"}
# mutagen looks for the first frame in 1 MiB; a table of seek points may claim 4 GiB.
BUDGET_BYTES = 4 * 1024 * 1024


def read_mp3(source: BinaryIO, size_bytes: int) -> Sound:
    """The sound of an MP3. Its length stands in the first frame, or is estimated from the rate.

    Raises CorruptContent, and what mutagen raises.
    """
    start = skip_leading_tags(source, size_bytes)
    end = skip_trailing_tags(source, start, size_bytes)
    info = MPEGInfo(Window(source, start, end, BUDGET_BYTES), 0)
    source.seek(max(start, size_bytes - ID3V1_BYTES))
    old_tag = source.read(ID3V1_BYTES)
    source.seek(0)
    return Sound(
        codec=CODECS[info.layer],
        seconds=info.length,
        channels=info.channels,
        sample_rate=info.sample_rate,
        bitrate=info.bitrate,
        tags=tell_id3(pick_id3(source), old_tag),
    )
