"""Prints what the gates say of many files: `python tests/print_verdicts.py [--write]`.

A file that stands in the golden file already is judged as it stands there.
"""

from __future__ import annotations

import base64
import json
import struct
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests import samples, stack
from tests.files import archives, audio, images, pdfs
from tests.files.archives import Member, pack, streamed
from tests.files.images import bmp, gif, gif_frame, png_chunk, tiff
from tests.security.structure.test_bmp import long_header
from tests.security.structure.variations import GOLDEN, judge
from tests.security.structure.verdicts import OFFICE_TYPES

SMALL = (4, 3)
STRIP = {256: 3, 257: 2, 258: 8, 259: 1, 262: 1, 273: 8, 278: 2, 279: 6}  # tags of a TIFF
# Heads of MPEG frames with the bytes these have: versions 1, 2 and 2.5, layers I, II and III.
MPEG = {
    b"\xff\xf3\x40\xc4": 104,
    b"\xff\xe3\x28\xc4": 144,
    b"\xff\xfa\x12\x00": 105,
    b"\xff\xfd\x10\x00": 104,
    b"\xff\xff\x10\x00": 32,
}


def notes() -> bytes:
    """A JPEG with Samsung's notes behind it."""
    found = (0x0A01, b"Image_UTC_Data", b"1600000000000"), (0x0A41, b"Camera_Info", bytes(20))
    return samples.image("JPEG", SMALL) + images.samsung_trailer(*found)


def animated_png() -> bytes:
    """Two frames."""
    frame = png_chunk(b"fdAT", struct.pack(">I", 2) + images.png_pixels()[8:-4])
    control = images.animation_control(2), images.frame_control(), images.png_pixels()
    return images.png(*control, images.frame_control(number=1), frame, images.PNG_END)


def repeat_frame(head: bytes) -> bytes:
    """Four frames of one kind."""
    return head.ljust(MPEG[head], b"\0") * 4


FILES: dict[str, dict[str, Callable[[], bytes]]] = {
    "image/bmp": {
        "bmp": bmp,
        "bmp of os/2": lambda: bmp(core=True),
        "bmp upside down": lambda: bmp((3, -2), depth=1),
        "bmp of runs": lambda: long_header(40, compression=1, pixel_bytes=24),
        "bmp with bit fields": lambda: long_header(56, compression=3),
        "bmp with 16 bytes": lambda: long_header(16),
        "bmp with a profile": lambda: long_header(124, tail=b"profile" * 3),
    },
    "image/gif": {
        "gif": lambda: gif(gif_frame()),
        "gif of frames": lambda: gif(gif_frame(), images.gif_comment(b"hello"), gif_frame((2, 2))),
        "gif by pillow": lambda: images.moving("GIF", 2, SMALL),
    },
    "image/png": {
        "png": images.png_with,
        "png laced": images.interlaced_png,
        "png with a text": lambda: images.png_with(
            png_chunk(b"tEXt", b"Comment\0hello"), png_chunk(b"zTXt", images.text_bomb(0)[8:-4])
        ),
        "png animated": animated_png,
        "png by pillow": lambda: images.picture("PNG", "P", SMALL),
    },
    "image/jpeg": {
        "jpeg": lambda: images.jpeg_header(3, 2),
        "jpeg by pillow": lambda: images.picture("JPEG", "RGB", SMALL, exif=images.notes(6)),
        "jpeg progressive": lambda: images.picture("JPEG", "L", SMALL, progressive=True),
        "jpeg of several": images.further_pictures,
        "jpeg with notes": notes,
    },
    "image/tiff": {
        "tiff": lambda: images.picture("TIFF", "L", SMALL),
        "tiff of two": lambda: tiff(STRIP, {**STRIP, 254: 1}),
        "tiff big endian": lambda: tiff(STRIP, order=">"),
        "tiff big": lambda: images.picture("TIFF", "L", SMALL, big_tiff=True),
        "tiff of frames": lambda: images.moving("TIFF", 2, SMALL),
    },
    "image/webp": {
        "webp": lambda: images.picture("WEBP", "RGB", SMALL),
        "webp lossless": lambda: images.riff(images.webp_pixels(3, 2)),
        "webp animated": lambda: images.riff(
            images.webp_header(3, 2, animated=True),
            images.riff_chunk(b"ANIM", bytes(6)),
            images.webp_frame(3, 2),
            images.webp_frame(1, 1, 2),
        ),
        "webp with notes": lambda: images.picture("WEBP", "RGBA", SMALL, exif=images.notes(6)),
    },
    "audio/vnd.wave": {
        "wav": lambda: audio.wav(20),
        "wav with tags": lambda: audio.riff(
            audio.pcm_format(), audio.chunk(b"data", bytes(9)), audio.info_list(INAM="A title")
        ),
        "wav of floats": lambda: audio.riff(
            audio.pcm_format(2, 44_100, 32, 3), audio.chunk(b"data", bytes(16))
        ),
        "wav without length": lambda: audio.riff(
            audio.pcm_format(), audio.chunk(b"data", bytes(8)), length=0xFFFF_FFFF
        ),
    },
    "audio/mpeg": {
        **{f"mp3 {head.hex()}": partial(repeat_frame, head) for head in MPEG},
        "mp3": lambda: audio.mp3_frames(4),
        "mp3 by lame": audio.mp3,
        "mp3 with tags": lambda: audio.id3() + audio.mp3_frames(3) + audio.id3v1(),
    },
    "audio/flac": {"flac": audio.flac, "flac with a tag": lambda: audio.id3() + audio.flac()},
    "audio/ogg": {
        "ogg": audio.vorbis,
        "ogg opus": audio.opus,
        "ogg flac": audio.ogg_flac,
        "ogg speex": audio.speex,
    },
    "application/pdf": {
        "pdf": lambda: pdfs.by_hand(),
        "pdf with a link": lambda: pdfs.by_hand(catalog="/Names 9 0 R", trailer="/Info 8 0 R"),
        "pdf with a table in pieces": pdfs.broken_table,
    },
    "application/zip": {
        "zip": lambda: pack(Member(b"a.txt", b"hello"), Member(b"b/", method=0)),
        "zip stored": lambda: pack(Member(b"a.txt", b"hello", method=0), comment=b"hi"),
        "zip streamed": lambda: pack(streamed(b"a.txt", b"hello" * 9), Member(b"b", b"1")),
        "zip of 64 bits": lambda: pack(Member(b"a.txt", b"hello"), is_zip64=True),
        "zip streamed of 64 bits": lambda: pack(streamed(b"a", b"hello", "<4sL2Q"), is_zip64=True),
        "zip nested": lambda: archives.nested(2),
    },
    OFFICE_TYPES["docx"]: {"docx": lambda: samples.office("docx")},
    OFFICE_TYPES["xlsx"]: {"xlsx": lambda: samples.office("xlsx")},
    OFFICE_TYPES["pptx"]: {"pptx": lambda: samples.office("pptx")},
}


def print_verdicts() -> None:
    """The golden file as it would be now."""
    known = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    rows = {}
    for media_type, files in FILES.items():
        for name, make in files.items():
            told = known.get(name)
            content = base64.b64decode(told["content"]) if told else make()
            rows[name] = judge(media_type, content)
    told = json.dumps(rows, indent=1) + "\n"
    if "--write" in sys.argv:
        GOLDEN.write_text(told)
    else:
        sys.stdout.write(told)


if __name__ == "__main__":
    print_verdicts()  # by the settings of the tests
    stack.stop_all()
