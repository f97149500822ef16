"""Pictures to try: as programs and cameras write them, and as attackers do."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import ExifTags, Image, ImageCms

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_END = struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND"))


def save(picture: Image.Image, kind: str, **options: Any) -> bytes:
    """The picture as Pillow writes it."""
    target = io.BytesIO()
    picture.save(target, kind, **options)
    return target.getvalue()


def pattern(mode: str = "RGB", size: tuple[int, int] = (24, 18), shift: int = 0) -> Image.Image:
    """A picture whose every pixel differs from its neighbours; `shift` makes another."""
    width, height = size
    grey = bytes((x * 7 + y * 13 + shift * 29) % 256 for y in range(height) for x in range(width))
    if mode == "RGBA":
        bands = [Image.frombytes("L", size, grey[step:] + grey[:step]) for step in range(4)]
        return Image.merge("RGBA", bands)
    if mode in ("I;16", "I", "F"):
        deep = Image.frombytes("L", size, grey).convert("I").point(lambda value: value * 257 + 0)
        return deep.convert(mode)
    return Image.merge("RGB", [Image.frombytes("L", size, grey)] * 3).convert(mode)


def picture(
    kind: str, mode: str = "RGB", size: tuple[int, int] = (24, 18), **options: Any
) -> bytes:
    """One picture of that kind, mode and size."""
    return save(pattern(mode, size), kind, **options)


def moving(kind: str, frames: int, size: tuple[int, int] = (24, 18), mode: str = "RGB") -> bytes:
    """Several frames, or pages, each different."""
    first, *others = [pattern(mode, size, shift) for shift in range(frames)]
    return save(first, kind, save_all=True, append_images=others)


def notes(
    orientation: int | None = None,
    taken: str | None = None,
    zone: str | None = None,
    place: dict[int, object] | None = None,
) -> bytes:
    """EXIF of a camera."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Maker"
    if orientation is not None:
        exif[ExifTags.Base.Orientation] = orientation
    moment = {ExifTags.Base.DateTimeOriginal: taken, ExifTags.Base.OffsetTimeOriginal: zone}
    if taken or zone:
        exif[ExifTags.IFD.Exif] = {tag: text for tag, text in moment.items() if text is not None}
    if place is not None:
        exif[ExifTags.IFD.GPSInfo] = place
    return exif.tobytes()


def profile() -> bytes:
    """The ICC profile of sRGB, without the time at which it was made (bytes 24 to 35)."""
    made = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return made[:24] + bytes(12) + made[36:]


def png_chunk(name: bytes, content: bytes = b"") -> bytes:
    """One chunk with its length and its checksum."""
    checksum = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def png(
    *chunks: bytes, size: tuple[int, int] = (3, 2), depth: int = 8, colour: int = 0, lace: int = 0
) -> bytes:
    """Signature, header and these chunks."""
    header = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, lace)
    return PNG_SIGNATURE + png_chunk(b"IHDR", header) + b"".join(chunks)


def png_pixels(size: tuple[int, int] = (3, 2)) -> bytes:
    """The pixels of an 8-bit grey PNG, all black."""
    return png_chunk(b"IDAT", zlib.compress(bytes((size[0] + 1) * size[1])))


def png_with(*chunks: bytes) -> bytes:
    """A whole grey PNG of 3 x 2 with more chunks before its pixels."""
    return png(*chunks, png_pixels(), PNG_END)


def interlaced_png(size: tuple[int, int] = (5, 4)) -> bytes:
    """Adam7, 8-bit grey: seven passes, each a smaller picture of its own."""
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2)]
    rows = b""
    for left, top, across, down in [*passes, (0, 1, 1, 2)]:
        width = len(range(left, size[0], across))
        rows += bytes(1 + width) * len(range(top, size[1], down)) if width else b""
    return png(png_chunk(b"IDAT", zlib.compress(rows)), PNG_END, size=size, lace=1)


def frame_control(size: tuple[int, int] = (3, 2), left: int = 0, number: int = 0) -> bytes:
    """The chunk before each frame of an APNG."""
    return png_chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, *size, left, 0, 1, 10, 0, 0))


def animation_control(frames: int) -> bytes:
    """The chunk that announces an APNG."""
    return png_chunk(b"acTL", struct.pack(">II", frames, 0))


def text_bomb(mebibytes: int) -> bytes:
    """A PNG text chunk that unpacks to a thousand times its size."""
    return png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(mebibytes << 20), 9))


def jpeg_segment(marker: int, content: bytes) -> bytes:
    """One segment with its length."""
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def jpeg_header(width: int, height: int, scans: int = 1) -> bytes:
    """A grey JPEG of that size without a single coefficient."""
    frame = struct.pack(">BHHBBBB", 8, height, width, 1, 1, 0x11, 0)
    scan = jpeg_segment(0xDA, b"\x01\x01\0\0\x3f\0")
    return b"\xff\xd8" + jpeg_segment(0xC0, frame) + scan * scans + b"\xff\xd9"


def further_pictures(count: int = 2) -> bytes:
    """Several JPEG pictures in one file, with their index (MPF), as stereo cameras write them."""
    first, *others = [pattern(shift=shift) for shift in range(count)]
    return save(first, "MPO", save_all=True, append_images=others)


def samsung_trailer(*found: tuple[int, bytes, bytes]) -> bytes:
    """Samsung's notes of (type, name, content) and the directory that leads to them."""
    content, places = b"", []
    for kind, name, text in found:
        note = struct.pack("<HHI", 0, kind, len(name)) + name + text
        places.append((kind, len(content), len(note)))
        content += note
    entries = [
        struct.pack("<HHII", 0, kind, len(content) - place, length)
        for kind, place, length in places
    ]
    directory = struct.pack("<4sII", b"SEFH", 106, len(entries)) + b"".join(entries)
    return content + directory + struct.pack("<I", len(directory)) + b"SEFT"


def gif(*blocks: bytes, size: tuple[int, int] = (3, 2), trailer: bytes = b";") -> bytes:
    """Header, these blocks and the trailer; two colours for all."""
    header = b"GIF89a" + struct.pack("<HHBBB", *size, 0x80, 0, 0)
    return header + b"\0\0\0\xff\xff\xff" + b"".join(blocks) + trailer


def gif_frame(size: tuple[int, int] = (1, 1), left: int = 0, top: int = 0) -> bytes:
    """A frame; its pixels are two sub-blocks that nobody can decode unless it is 1 x 1."""
    return b"," + struct.pack("<HHHHB", left, top, *size, 0) + b"\x02\x02\x44\x01\0"


def gif_comment(text: bytes) -> bytes:
    """Words between the frames."""
    pieces = [text[place : place + 255] for place in range(0, len(text), 255)]
    return b"!\xfe" + b"".join(bytes([len(piece)]) + piece for piece in pieces) + b"\0"


def riff(*chunks: bytes) -> bytes:
    """A RIFF container of form WEBP around these chunks."""
    content = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(content)) + content


def riff_chunk(name: bytes, content: bytes) -> bytes:
    """One chunk with its length and its padding."""
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def webp_header(width: int, height: int, *, animated: bool = False) -> bytes:
    """The chunk in front of a WebP that has more than pixels."""
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return riff_chunk(b"VP8X", bytes([2 if animated else 0, 0, 0, 0]) + canvas)


def webp_pixels(width: int, height: int) -> bytes:
    """A lossless chunk that says its size and nothing else."""
    return riff_chunk(b"VP8L", b"\x2f" + struct.pack("<I", width - 1 | height - 1 << 14) + bytes(5))


def webp_frame(width: int, height: int, left: int = 0) -> bytes:
    """One frame of an animation."""
    place = (left // 2).to_bytes(3, "little") + bytes(3)
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return riff_chunk(b"ANMF", place + size + bytes(4) + webp_pixels(width, height))


def tiff(*pages: dict[int, int], order: str = "<", tail: bytes = bytes(64)) -> bytes:
    """A TIFF of pages with these tags, all numbers LONG, and the given bytes at its end."""
    content = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    for number, tags in enumerate(pages, start=1):
        length = 2 + 12 * len(tags) + 4
        following = len(content) + length if number < len(pages) else 0
        content += struct.pack(order + "H", len(tags))
        for tag, value in sorted(tags.items()):
            content += struct.pack(order + "HHII", tag, 4, 1, value)
        content += struct.pack(order + "I", following)
    return content + tail


def bmp(
    size: tuple[int, int] = (3, 2), *, core: bool = False, depth: int = 24, pixels: bytes = b""
) -> bytes:
    """A BMP with the shortest Windows header, or OS/2's; rows upside down when height < 0."""
    width, height = size
    if core:
        header = struct.pack("<IHHHH", 12, width, height, 1, depth)
    else:
        header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, depth, 0, 0, 0, 0, 0, 0)
    rows = pixels or bytes((abs(width) * depth + 31) // 32 * 4 * abs(height))
    length = 14 + len(header)
    return b"BM" + struct.pack("<IHHI", length + len(rows), 0, 0, length) + header + rows
