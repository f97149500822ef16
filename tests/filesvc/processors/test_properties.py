"""What an Office file says of itself: dates that may be nonsense, texts that may be endless."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesvc.metadata import MAX_TEXT
from filesvc.processors.documents import describe_document
from filesvc.processors.properties import parse_date
from tests.files import office
from tests.files.archives import rewrite
from tests.files.office_parts import document, paragraph
from tests.filesvc.processors.telling import tell

CORE = "http://schemas.openxmlformats.org/package/2006/metadata/core-properties"
STAMPS = st.datetimes().map("{:%Y-%m-%dT%XZ}".format)


def core(fields: str) -> bytes:
    """A document with these core properties."""
    names = 'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:t="http://purl.org/dc/terms/"'
    part = f'<cp:coreProperties xmlns:cp="{CORE}" {names}>{fields}</cp:coreProperties>'
    return rewrite(office.docx(), replace={"docProps/core.xml": part})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2024-02-29T12:30:00Z", "2024-02-29T12:30:00Z"),
        (" 2024-02-29T12:30:00.1234567Z\n", "2024-02-29T12:30:00Z"),
        ("2024-02-29T12:30:00+02:00", "2024-02-29T10:30:00Z"),
        ("2024-02-29T12:30", "2024-02-29T12:30:00Z"),
        ("2024-02-29", "2024-02-29T00:00:00Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("2023-02-29T12:30:00Z", None),
        ("0001-01-01T00:00:00+01:00", None),
        ("9999-12-31T23:59:59-01:00", None),
        ("0000-00-00T00:00:00Z", None),
        ("2024-02-29T12:30:00+99:99", None),
        ("2024-W09-4", None),
        ("20240229", None),
        ("2024", None),
        ("٢٠٢٤-02-29", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_date_is_told_in_utc_or_not_at_all(text: str, told: str | None) -> None:
    assert parse_date(text) == told


@pytest.mark.property
@given(text=st.one_of(st.text(), st.datetimes().map(str), STAMPS))
def test_any_text_is_a_date_or_none(text: str) -> None:
    told = parse_date(text)

    assert told is None or (len(told), told[-1]) == (20, "Z")


def test_properties_are_told_clean_and_short() -> None:
    title = f"<dc:title>a\t\u202eb&amp;c{'x' * 100_000}</dc:title><dc:title>second</dc:title>"

    told = tell(describe_document, core(f"{title}<dc:creator> </dc:creator>"))

    assert told["title"] == ("a b&c" + "x" * 1000)[:MAX_TEXT]
    assert told["author"] is None


def test_a_file_without_properties_is_told_without_them() -> None:
    told = tell(describe_document, document(paragraph("one")))

    assert [told[name] for name in ("title", "author", "created_at", "modified_at", "pages")] == (
        [None] * 5
    )
