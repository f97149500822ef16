"""The metadata of a processed file: one schema for each `kind`, and nothing outside it.

A kind keeps its fields and their meaning for as long as it has its name; a form that has to
break gets a new one (`image.2`). What the process that opens strangers' files answers is
checked against these before it is kept.
"""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

MAX_TEXT = 256
MAX_LISTED = 256
# Of each thing in a list. With 256 characters each, a page of 200 tables was an answer of 53 MB
# (calculated); Excel ends the name of a sheet at 31.
MAX_NAME = 64


def _check_storable(text: str) -> str:
    """A row of PostgreSQL takes every letter but this one."""
    if "\0" in text:
        raise ValueError("holds a NUL")
    return text


Storable = Annotated[str, AfterValidator(_check_storable)]
Text = Annotated[Storable, Field(max_length=MAX_TEXT)]
ListedName = Annotated[Storable, Field(max_length=MAX_NAME)]
Count = Annotated[int, Field(ge=0, le=2**53 - 1)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Form(BaseModel):
    """Exactly these fields, of exactly these types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class FileMetadata(Form):
    """Any file without a form of its own."""

    kind: Literal["file"] = "file"
    size: Count
    media_type: Text
    sha256: Text


class ImageMetadata(Form):
    """A picture: pixels, as they are stored, before `orientation` turns them."""

    kind: Literal["image"] = "image"
    width: Count
    height: Count
    format: Text
    mode: Text
    frames: Count
    orientation: Annotated[int, Field(ge=1, le=8)] | None = Field(
        default=None, description="EXIF orientation"
    )
    captured_at: Text | None = Field(
        default=None, description="EXIF capture time, ISO 8601, with a zone only when it has one"
    )
    colour_profile: Text | None = Field(default=None, description="name of the ICC profile")
    has_location: bool = Field(default=False, description="GPS data is present; it is not copied")


class TextMetadata(Form):
    """Plain text or Markdown: counts as `wc` gives them, but in characters."""

    kind: Literal["text"] = "text"
    encoding: Text
    lines: Count
    words: Count
    characters: Count


class Column(Form):
    """One column of a table."""

    name: ListedName = Field(description="from the header; empty without one")
    type: Literal["integer", "number", "boolean", "date", "datetime", "text", "empty"]


class CsvMetadata(Form):
    """Comma separated values, whatever the comma is."""

    kind: Literal["csv"] = "csv"
    encoding: Text
    lines: Count
    words: Count
    characters: Count
    delimiter: Annotated[Storable, Field(max_length=1)]
    has_header: bool
    columns: Count
    rows: Count = Field(description="without the header")
    column_types: list[Column] = Field(max_length=MAX_LISTED, description="the first 256 columns")


class JsonMetadata(Form):
    """One JSON document, or several after each other (NDJSON)."""

    kind: Literal["json"] = "json"
    encoding: Text
    lines: Count
    words: Count
    characters: Count
    documents: Count
    top_level: Literal["object", "array", "string", "number", "boolean", "null"] = Field(
        description="of the first document"
    )
    depth: Count = Field(description="0 for a scalar")
    values: Count = Field(description="scalars, objects and arrays, at every depth")


class PdfMetadata(Form):
    """A PDF document."""

    kind: Literal["pdf"] = "pdf"
    version: Text
    pages: Count
    page_width: Amount = Field(description="of the first page, in points")
    page_height: Amount = Field(description="of the first page, in points")
    title: Text | None = None
    author: Text | None = None
    words: Count = Field(description="of the pages that were read: at most 1000")
    is_encrypted: bool
    is_signed: bool
    has_scripts: bool
    has_launch_actions: bool
    embedded_files: Count


class OfficeForm(Form):
    """What documents, spreadsheets and presentations have in common."""

    title: Text | None = None
    author: Text | None = None
    created_at: Text | None = Field(default=None, description="RFC 3339, as the file claims it")
    modified_at: Text | None = Field(default=None, description="RFC 3339, as the file claims it")
    words: Count
    external_links: Count = Field(description="relationships that point outside the file")
    has_macros: bool


class DocumentMetadata(OfficeForm):
    """A text document (DOCX)."""

    kind: Literal["document"] = "document"
    pages: Count | None = Field(default=None, description="as the program that saved it counted")
    paragraphs: Count


class Sheet(Form):
    """One sheet of a workbook."""

    name: ListedName
    rows: Count
    columns: Count


class SpreadsheetMetadata(OfficeForm):
    """A workbook (XLSX)."""

    kind: Literal["spreadsheet"] = "spreadsheet"
    sheets: Count
    sheet_list: list[Sheet] = Field(max_length=MAX_LISTED, description="the first 256 sheets")


class PresentationMetadata(OfficeForm):
    """A slide show (PPTX)."""

    kind: Literal["presentation"] = "presentation"
    slides: Count


class Tags(Form):
    """What a recording says of itself."""

    title: Text | None = None
    artist: Text | None = None
    album: Text | None = None
    date: Text | None = None
    genre: Text | None = None


class AudioMetadata(Form):
    """A recording."""

    kind: Literal["audio"] = "audio"
    codec: Text
    duration_seconds: Amount
    channels: Count
    sample_rate: Count = Field(description="samples per second")
    bitrate: Count = Field(description="bits per second; 0 when the file does not tell")
    tags: Tags


class TypeCount(Form):
    """How many entries of an archive have one extension."""

    extension: ListedName
    entries: Count


class ArchiveMetadata(Form):
    """A ZIP archive, from its directory; nothing is unpacked by its name."""

    kind: Literal["archive"] = "archive"
    entries: Count
    unpacked_bytes: Count
    deepest_path: Count = Field(description="folders above the deepest entry")
    types: list[TypeCount] = Field(max_length=MAX_LISTED, description="most frequent first")
    suspicious_entries: Count = Field(description="programs, scripts and archives in the archive")


Metadata = Annotated[
    FileMetadata
    | ImageMetadata
    | TextMetadata
    | CsvMetadata
    | JsonMetadata
    | PdfMetadata
    | DocumentMetadata
    | SpreadsheetMetadata
    | PresentationMetadata
    | AudioMetadata
    | ArchiveMetadata,
    Field(discriminator="kind"),
]
_adapter: TypeAdapter[Any] = TypeAdapter(Metadata)


def metadata_schema() -> dict[str, Any]:
    """The forms as JSON Schema, `kind` telling them apart."""
    return _adapter.json_schema(ref_template="#/components/schemas/{model}")


def clean_text(text: Any) -> str | None:
    """Words out of a stranger's file, fit to be told: one line, no controls, 256 characters.

    None when nothing is left. Controls, surrogates and invisible format characters go: the
    database takes no NUL, and a reader should see what is there.
    """
    shown = "".join(
        " " if letter.isspace() else letter
        for letter in str(text or "")[: 8 * MAX_TEXT]
        if letter.isspace() or unicodedata.category(letter)[0] != "C"
    )
    return " ".join(shown.split())[:MAX_TEXT].strip() or None


def clean_name(text: Any) -> str:
    """The same for one of many in a list: shorter, and empty when nothing is left."""
    return (clean_text(text) or "")[:MAX_NAME].strip()
