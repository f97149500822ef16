"""The one table of types says one thing only."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from security.policy import (
    BY_MEDIA_TYPE,
    DANGEROUS_EXTENSIONS,
    TEXT_SNIFFED_ALSO,
    TYPES,
    allowed_extensions,
    allowed_media_types,
    allowed_types,
    type_of_extension,
)
from tests.client import call

BINARY = [row for row in TYPES if not row.is_text]


def test_every_extension_stands_for_one_type() -> None:
    extensions = [extension for row in TYPES for extension in row.extensions]

    assert len(extensions) == len(set(extensions))


def test_every_media_type_has_one_row() -> None:
    assert len(BY_MEDIA_TYPE) == len(TYPES)


def test_extensions_are_written_as_they_are_compared() -> None:
    for row in TYPES:
        for extension in row.extensions:
            assert extension == extension.lower().strip(". ")


def test_no_allowed_extension_is_a_dangerous_one() -> None:
    assert not DANGEROUS_EXTENSIONS & {ext for row in TYPES for ext in row.extensions}


def test_no_sniffed_name_fits_two_binary_types() -> None:
    sniffed = [name for row in BINARY for name in row.sniffed]

    assert len(sniffed) == len(set(sniffed))


def test_only_an_office_file_may_be_called_what_contains_it() -> None:
    contained = {row.extensions: row.container for row in TYPES if row.container}

    assert contained == dict.fromkeys([("docx",), ("xlsx",), ("pptx",)], "application/zip")


def test_an_archive_is_taken_as_itself_or_as_an_office_file() -> None:
    sniffed = b"application/zip".decode()  # no constant, as libmagic's own word is none
    taken = {row.extensions for row in TYPES if row.accepts(sniffed)}

    assert taken == {("zip",), ("docx",), ("xlsx",), ("pptx",)}


def test_text_is_taken_by_every_name_it_may_have() -> None:
    for row in TYPES:
        names = ("text/plain", "text/x-shellscript", *TEXT_SNIFFED_ALSO)
        assert not row.is_text or all(row.accepts(name) for name in names), row


def test_archives_are_off_by_default() -> None:
    assert set(BY_MEDIA_TYPE) - set(allowed_media_types()) == {"application/zip"}


def test_nothing_a_browser_runs_is_in_the_table() -> None:
    for name in ("text/html", "image/svg+xml", "application/javascript", "text/xml"):
        assert name not in BY_MEDIA_TYPE


def test_what_is_no_known_content_is_no_binary_type() -> None:
    for row in BINARY:
        assert not row.accepts("application/octet-stream")
        assert not row.accepts("inode/x-empty")
        assert not row.accepts("text/plain")


@pytest.mark.parametrize("sniffed", ["text/html", "text/xml", "image/svg+xml", "application/pdf"])
def test_text_types_refuse_what_runs_and_what_is_no_text(sniffed: str) -> None:
    assert not any(row.accepts(sniffed) for row in TYPES if row.is_text)


@pytest.mark.property
@given(st.lists(st.sampled_from(sorted(BY_MEDIA_TYPE)), unique=True))
def test_the_operators_list_replaces_the_default_and_is_the_whole_truth(listed: list[str]) -> None:
    expected = listed or [row.media_type for row in TYPES if row.by_default]

    with override_settings(ALLOWED_TYPES=listed):
        assert allowed_media_types() == sorted(expected)
        assert {row.media_type for row in allowed_types()} == set(expected)
        for row in TYPES:
            for extension in row.extensions:
                assert (type_of_extension(extension) is row) == (row.media_type in expected)
                assert (extension in allowed_extensions()) == (row.media_type in expected)


def test_the_public_page_tells_the_types_in_force(settings: Any) -> None:
    settings.ALLOWED_TYPES = ["image/png", "application/zip"]

    assert call("GET", "/policy/").json["types"] == [
        {"media_type": "image/png", "extensions": ["png"]},
        {"media_type": "application/zip", "extensions": ["zip"]},
    ]
