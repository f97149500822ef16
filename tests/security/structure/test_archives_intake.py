"""Office files and archives on their whole way in, through the real libmagic and scanner."""

from __future__ import annotations

from typing import Any

import magic
import pytest

from tests import samples
from tests.client import upload
from tests.conftest import assert_nothing_kept, assert_problem
from tests.files import office
from tests.files.archives import Member, flat_bomb, pack, rewrite
from tests.security.structure.verdicts import OFFICE_TYPES, office_verdict

pytestmark = pytest.mark.django_db

REAL = {"docx": office.docx(), "xlsx": office.xlsx(), "pptx": office.pptx()}
# Names of the parts an office program may well write first.
UNUSUAL = {
    "application/zip": ["docProps/app.xml", "word/webSettings.xml", "word/styles.xml",
                        "word/media/image1.png"],
    "application/octet-stream": ["_rels/.rels", "word/media/image1.png", "word/numbering.xml",
                                 "docProps/thumbnail.jpeg"],
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(OFFICE_TYPES))
def test_a_clean_office_file_is_kept(kind: str, token: str) -> None:
    answer = upload(token, REAL[kind], f"report.{kind}")

    assert (answer.status, answer.json["media_type"]) == (201, OFFICE_TYPES[kind]), answer.body


@pytest.mark.parametrize("sniffed", UNUSUAL)
def test_a_document_libmagic_has_no_name_for_is_kept(sniffed: str, token: str) -> None:
    first = UNUSUAL[sniffed]
    unusual = rewrite(
        REAL["docx"], order=lambda name: first.index(name) if name in first else len(first)
    )

    assert magic.from_buffer(unusual, mime=True) == sniffed
    assert upload(token, unusual, "report.docx").status == 201


def test_archives_are_refused_unless_the_operator_wants_them(token: str, settings: Any) -> None:
    content = samples.archive({"a.txt": "hello"})

    assert_problem(upload(token, content, "a.zip"), 422, "extension_not_allowed")
    settings.ALLOWED_TYPES = ["application/zip"]
    assert upload(token, content, "a.zip").json["media_type"] == "application/zip"
    assert_problem(upload(token, flat_bomb(), "a.zip"), 422, "archive_limits_exceeded")


def test_malware_in_a_document_is_found_by_the_scanner(token: str, storage: Any) -> None:
    infected = rewrite(REAL["docx"], replace={"word/embeddings/a.bin": samples.EICAR})

    assert office_verdict(infected) == "accepted"
    assert_problem(upload(token, infected, "report.docx"), 422, "malware_detected")
    assert_nothing_kept(storage)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (rewrite(REAL["docx"], replace={"word/vbaProject.bin": b"x"}), "active_content"),
        (samples.archive({"a.txt": "hello"}), "content_mismatch"),
        (office.encrypted_office(), "encrypted_content"),
        (pack(Member(b"[Content_Types].xml", b"<a/>"), Member(b"/a")), "archive_unsafe_entry"),
    ],
    ids=["macros", "plain", "encrypted", "unsafe"],
)
def test_a_refused_document_leaves_nothing(
    token: str, storage: Any, content: bytes, code: str
) -> None:
    assert_problem(upload(token, content, "report.docx"), 422, code)
    assert_nothing_kept(storage)
