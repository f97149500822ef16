"""What libmagic has no name for is an archive only when it begins as one; a name is kept."""

from __future__ import annotations

import errno
import os

import magic
import pytest

from errors import catalogue
from security import media_type
from security.media_type import UNKNOWN, ZIP_SIGNATURE, identify_type, sniff
from tests.files import office
from tests.files.archives import Member, pack, rewrite
from tests.security.conftest import Stage

# In this order of its parts libmagic has no name for it.
FIRST = ["_rels/.rels", "word/media/image1.png", "word/numbering.xml", "docProps/thumbnail.jpeg"]
NAMELESS = rewrite(
    office.docx(), order=lambda name: FIRST.index(name) if name in FIRST else len(FIRST)
)


def test_an_archive_that_libmagic_has_no_name_for_is_one_by_its_first_bytes(stage: Stage) -> None:
    assert magic.from_buffer(NAMELESS, mime=True) == UNKNOWN
    assert NAMELESS.startswith(ZIP_SIGNATURE)

    assert sniff(stage(NAMELESS).descriptor) == "application/zip"


def test_an_archive_that_libmagic_has_a_name_for_keeps_it(stage: Stage) -> None:
    book = pack(Member(b"mimetype", b"application/epub+zip", method=0))

    assert sniff(stage(book).descriptor) == "application/epub+zip"


def test_a_store_that_cannot_be_read_is_no_verdict_on_the_file(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(media_type, "check_decodes", fail)
    with pytest.raises(catalogue.StorageUnavailable):
        identify_type(stage(b"hello"), "a.txt")
