"""What may come in: the only table of types (extension, media type, what libmagic calls it).

The media type is the IANA name; it is what the File tells and what its content is sent as.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from security.extensions import DANGEROUS_EXTENSIONS as DANGEROUS_EXTENSIONS

OOXML = "application/vnd.openxmlformats-officedocument."

# libmagic 5.44 has a name of its own for many kinds of text (a shebang makes Markdown a
# shell script), and none for a single byte: text proves itself by decoding instead.
# What a browser would run is never text.
TEXT_SNIFFED_ALSO = frozenset(
    {
        "application/json",
        "application/octet-stream",
        "application/x-ndjson",
        "application/x-subrip",
        "message/rfc822",
    }
)
TEXT_SNIFFED_NEVER = frozenset({"text/html", "text/xml", "text/xsl"})


@dataclass(frozen=True)
class FileType:
    """One row of the policy."""

    media_type: str
    extensions: tuple[str, ...]
    sniffed: frozenset[str]
    is_text: bool = False
    by_default: bool = True
    # What libmagic says of one whose kind it cannot tell; security.structure proves the kind.
    container: str | None = None

    def accepts(self, sniffed: str) -> bool:
        """True when libmagic's name for the content fits this type."""
        if not self.is_text:
            return sniffed in self.sniffed or sniffed == self.container
        if sniffed in TEXT_SNIFFED_NEVER:
            return False
        return sniffed.startswith("text/") or sniffed in TEXT_SNIFFED_ALSO


def _binary(
    media_type: str, extensions: str, sniffed: str = "", *, by_default: bool = True
) -> FileType:
    names = frozenset(sniffed.split()) | {media_type}
    return FileType(media_type, tuple(extensions.split()), names, by_default=by_default)


def _text(media_type: str, extensions: str) -> FileType:
    return FileType(media_type, tuple(extensions.split()), frozenset(), is_text=True)


def _office(kind: str, extension: str) -> FileType:
    # libmagic 5.44 calls it a plain archive when its parts come in an unusual order (measured).
    media_type = f"{OOXML}{kind}"
    names = frozenset({media_type})
    return FileType(media_type, (extension,), names, container="application/zip")


TYPES: tuple[FileType, ...] = (
    _binary("image/png", "png", "image/apng image/vnd.mozilla.apng"),
    _binary("image/jpeg", "jpg jpeg"),
    _binary("image/gif", "gif"),
    _binary("image/webp", "webp"),
    _binary("image/tiff", "tif tiff"),
    _binary("image/bmp", "bmp", "image/x-ms-bmp"),
    _text("text/plain", "txt text log"),
    _text("text/csv", "csv"),
    _text("text/tab-separated-values", "tsv tab"),
    _text("text/markdown", "md markdown"),
    _text("application/json", "json"),
    _binary("application/pdf", "pdf"),
    _office("wordprocessingml.document", "docx"),
    _office("spreadsheetml.sheet", "xlsx"),
    _office("presentationml.presentation", "pptx"),
    _binary("audio/vnd.wave", "wav", "audio/x-wav audio/wav"),
    _binary("audio/mpeg", "mp3", "audio/mp3"),
    _binary("audio/flac", "flac", "audio/x-flac"),
    _binary("audio/ogg", "ogg oga opus", "application/ogg audio/x-vorbis+ogg"),
    _binary("application/zip", "zip", by_default=False),
)

BY_MEDIA_TYPE = {row.media_type: row for row in TYPES}


def allowed_types() -> tuple[FileType, ...]:
    """The rows in force: those the operator lists, else the default ones."""
    if settings.ALLOWED_TYPES:
        return tuple(BY_MEDIA_TYPE[name] for name in settings.ALLOWED_TYPES)
    return tuple(row for row in TYPES if row.by_default)


def allowed_media_types() -> list[str]:
    """Media types in force, sorted."""
    return sorted(row.media_type for row in allowed_types())


def allowed_extensions() -> list[str]:
    """Extensions in force, without their dot, sorted."""
    return sorted(extension for row in allowed_types() for extension in row.extensions)


def type_of_extension(extension: str) -> FileType | None:
    """The allowed type an extension (lower case, no dot) stands for."""
    return next((row for row in allowed_types() if extension in row.extensions), None)
