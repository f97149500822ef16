"""MP3: frames one after the other, between tags, from the first byte of sound to the last.

MP3 has no container: a frame says how long it is, and there the next one begins. Frames are
checked where the sound begins and where it ends; between them players resynchronise, and so may
the file. A file cut short between two frames cannot be told from a whole one.
"""

from __future__ import annotations

from typing import BinaryIO

from errors import catalogue
from security.audio_tags import skip_leading_tags, skip_trailing_tags
from security.structure.mpeg_frame import HEADER_BYTES, MAX_FRAME_BYTES, frame_bytes
from security.structure.second_format import check_no_second_format

# Frames that follow each other before noise is believed to be sound: one header is seen in
# random bytes every few KiB, two in a row hardly ever.
ENOUGH_FRAMES = 4
WINDOW_BYTES = 64 * 1024


def inspect_mp3(source: BinaryIO, size_bytes: int) -> None:
    """Refuse what neither begins nor ends with frames of sound.

    Raises CorruptContent when no frames begin, AmbiguousContent when something follows them.
    """
    start = skip_leading_tags(source, size_bytes)
    end = skip_trailing_tags(source, start, size_bytes)
    source.seek(start)
    head = source.read(min(WINDOW_BYTES, end - start))
    if not _has_chain(head, is_all=len(head) == end - start):
        raise catalogue.CorruptContent(note="no frames of sound")
    window_start = max(start, end - WINDOW_BYTES)
    source.seek(window_start)
    if not _reaches_end(source.read(end - window_start)):
        raise catalogue.AmbiguousContent(note="bytes behind the sound")
    check_no_second_format(source, size_bytes)


def _has_chain(head: bytes, *, is_all: bool) -> bool:
    """Enough frames follow each other somewhere in it; two are when they are all there is."""
    needed = len(head.rstrip(b"\0"))
    place = head.find(b"\xff")
    while place >= 0:
        frames, following = _follow(head, place)
        if frames >= ENOUGH_FRAMES or (is_all and frames >= 2 and following >= needed):
            return True
        place = head.find(b"\xff", place + 1)
    return False


def _follow(content: bytes, place: int) -> tuple[int, int]:
    """How many frames follow each other from there, `ENOUGH_FRAMES` at most, and where they end."""
    frames = 0
    while frames < ENOUGH_FRAMES and (length := frame_bytes(content, place)):
        frames += 1
        place += length
    return frames, place


def _reaches_end(tail: bytes) -> bool:
    """The last frame, which may be cut short, reaches the end but for zeros (padding)."""
    needed = len(tail.rstrip(b"\0"))
    place = tail.rfind(b"\xff")
    while place >= 0 and needed - place <= 2 * MAX_FRAME_BYTES:
        frames, following = _follow(tail, place)
        if frames >= 2 and following + HEADER_BYTES > needed:
            return True
        place = tail.rfind(b"\xff", 0, place)
    return needed == 0
