"""The samples that libmagic is tried with at every start."""

from __future__ import annotations

import io
from typing import Any, NoReturn
from zipfile import ZipFile

import pytest

from errors import catalogue
from security import type_samples
from security.policy import OOXML, TYPES
from security.type_samples import SAMPLES, find_unknown_types

EVERY_TYPE = [row.media_type for row in TYPES]


def test_every_type_has_one_small_sample_that_is_known(settings: Any) -> None:
    settings.ALLOWED_TYPES = EVERY_TYPE

    assert set(SAMPLES) == set(EVERY_TYPE)
    assert max(map(len, SAMPLES.values())) < 1000
    assert find_unknown_types() == []


@pytest.mark.parametrize(
    ("media_type", "part"),
    [
        ("wordprocessingml.document", "word/document.xml"),
        ("spreadsheetml.sheet", "xl/workbook.xml"),
        ("presentationml.presentation", "ppt/presentation.xml"),
    ],
)
def test_an_office_sample_holds_the_part_its_type_is_known_by(media_type: str, part: str) -> None:
    with ZipFile(io.BytesIO(SAMPLES[f"{OOXML}{media_type}"])) as archive:
        assert archive.namelist() == ["[Content_Types].xml", "_rels/.rels", part]


@pytest.mark.parametrize("media_type", EVERY_TYPE)
def test_a_type_whose_sample_is_not_known_is_told_with_what_is_said_of_it(
    settings: Any, monkeypatch: pytest.MonkeyPatch, media_type: str
) -> None:
    settings.ALLOWED_TYPES = EVERY_TYPE
    monkeypatch.setitem(type_samples.SAMPLES, media_type, b"<!DOCTYPE html><html></html>")

    assert find_unknown_types() == [f"{media_type} (text/html)"]


def test_only_allowed_types_need_to_be_known(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ALLOWED_TYPES = ["text/plain"]
    monkeypatch.setitem(type_samples.SAMPLES, "image/png", b"no picture")

    assert find_unknown_types() == []


def test_a_libmagic_that_fails_knows_nothing(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ALLOWED_TYPES = ["text/plain"]

    def fail(descriptor: int) -> NoReturn:
        raise catalogue.InspectionFailed(note="libmagic")

    monkeypatch.setattr(type_samples, "sniff", fail)

    assert find_unknown_types() == ["text/plain (inspection_failed)"]
