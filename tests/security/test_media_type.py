"""A file is what extension, libmagic and policy agree on; the client's claim counts for nothing."""

from __future__ import annotations

import codecs
import os
import threading
import unicodedata
from typing import Any

import magic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import catalogue
from security import media_type
from security.media_type import check_decodes, identify_type, sniff
from security.policy import OOXML, TYPES
from security.structure import inspect_structure
from tests import samples
from tests.client import upload
from tests.conftest import assert_nothing_kept, assert_problem
from tests.security.conftest import Stage

# One real body per type, by its canonical name.
SAMPLES = {
    "image/png": samples.image("PNG"),
    "image/jpeg": samples.image("JPEG"),
    "image/gif": samples.image("GIF"),
    "image/webp": samples.image("WEBP"),
    "image/tiff": samples.image("TIFF"),
    "image/bmp": samples.image("BMP"),
    "text/plain": b"hello\n",
    "text/csv": b"a,b\n1,2\n3,4\n",
    "text/tab-separated-values": b"a\tb\n1\t2\n3\t4\n",
    "text/markdown": b"#!/bin/sh\n# A title\n",
    "application/json": b'{"a": [1, 2]}',
    "application/pdf": samples.pdf(),
    f"{OOXML}wordprocessingml.document": samples.office("docx"),
    f"{OOXML}spreadsheetml.sheet": samples.office("xlsx"),
    f"{OOXML}presentationml.presentation": samples.office("pptx"),
    "audio/vnd.wave": samples.wave_sound(),
    "audio/mpeg": samples.mp3(),
    "audio/flac": samples.flac(),
    "audio/ogg": samples.ogg(),
    "application/zip": samples.archive({"a.txt": "hello"}),
}
FOREIGN = {
    "html": b"<!DOCTYPE html><html><body>x</body></html>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"></svg>',
    "xml": b'<?xml version="1.0"?><a/>',
    "elf": b"\x7fELF\x02\x01\x01" + bytes(57),
    "gzip": b"\x1f\x8b\x08" + bytes(20),
    "noise": bytes([0, 1, 2, 3, 250, 251]) * 50,
    "zero": bytes(64),
}
REFUSALS = (catalogue.UnsupportedFileType, catalogue.ContentMismatch, catalogue.CorruptContent)
IS_TEXT = {row.media_type: row.is_text for row in TYPES}
ALLOWED_CONTROLS = "\t\n\f\r\x85"


@pytest.fixture
def every_type(settings: Any) -> None:
    settings.ALLOWED_TYPES = [row.media_type for row in TYPES]


def test_every_type_of_the_policy_has_a_sample() -> None:
    assert set(SAMPLES) == {row.media_type for row in TYPES}


@pytest.mark.parametrize("row", TYPES, ids=lambda row: row.extensions[0])
def test_a_type_takes_its_own_content_and_no_other(
    row: Any, every_type: None, stage: Stage
) -> None:
    for extension in row.extensions:
        for kind, content in SAMPLES.items():
            staged = stage(content)
            # Text is text: which kind it is, only its extension says. An archive may be an
            # office file that libmagic has no name for; the next gate tells.
            is_fitting = kind in (row.media_type, row.container)
            if is_fitting or (IS_TEXT[kind] and row.is_text):
                assert identify_type(staged, f"a.{extension}") == row.media_type
            else:
                with pytest.raises(catalogue.ContentMismatch):
                    identify_type(staged, f"a.{extension.upper()}")


@pytest.mark.parametrize("kind", sorted(FOREIGN))
def test_content_of_no_allowed_type_is_refused_under_every_extension(
    kind: str, every_type: None, stage: Stage
) -> None:
    for row in TYPES:
        with pytest.raises((catalogue.UnsupportedFileType, catalogue.ContentMismatch)):
            identify_type(stage(FOREIGN[kind]), f"a.{row.extensions[0]}")


def test_a_refusal_names_the_types_in_force(settings: Any, stage: Stage) -> None:
    settings.ALLOWED_TYPES = ["image/png", "application/pdf"]

    with pytest.raises(catalogue.UnsupportedFileType) as refused:
        identify_type(stage(FOREIGN["elf"]), "a.png")

    assert refused.value.allowed_types == ["application/pdf", "image/png"]


def test_a_type_that_is_not_in_force_is_no_type(settings: Any, stage: Stage) -> None:
    settings.ALLOWED_TYPES = ["image/png"]

    with pytest.raises(catalogue.UnsupportedFileType):
        identify_type(stage(samples.pdf()), "a.pdf")


@pytest.mark.parametrize("extension", ["png", "pdf", "docx", "wav"])
def test_what_libmagic_cannot_name_is_refused(extension: str, stage: Stage) -> None:
    with pytest.raises(catalogue.UnsupportedFileType):
        identify_type(stage(b"x"), f"a.{extension}")


@pytest.mark.parametrize("start", [b"MZ", b"\xff\xd8\xff", b"%PDF", b"PK\x03\x04"])
def test_a_bare_signature_is_no_document(start: bytes, stage: Stage) -> None:
    for extension in ("png", "jpg", "docx", "mp3"):
        staged = stage(start)
        with pytest.raises(REFUSALS):
            inspect_structure(staged, identify_type(staged, f"a.{extension}"))


def test_more_than_the_head_of_a_file_is_looked_at(stage: Stage) -> None:
    noise = os.urandom(4000).hex()
    document = samples.archive(
        {"[Content_Types].xml": f"<Types>{noise}</Types>", "_rels/.rels": "", "word/a.xml": ""}
    )

    assert sniff(stage(document).descriptor) == f"{OOXML}wordprocessingml.document"
    assert sniff(stage(document[:2048]).descriptor) == "application/zip"


def test_sniffing_twice_says_the_same(stage: Stage) -> None:
    staged = stage(samples.pdf())

    assert sniff(staged.descriptor) == sniff(staged.descriptor) == "application/pdf"


def test_a_failure_of_libmagic_is_a_refusal(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> str:
        raise magic.MagicException("cannot read")

    monkeypatch.setattr(magic.Magic, "from_descriptor", fail)
    with pytest.raises(catalogue.InspectionFailed):
        identify_type(stage(b"hello"), "a.txt")


def test_threads_do_not_disturb_each_other(stage: Stage) -> None:
    kinds = ["image/png", "application/pdf", "audio/flac", "image/gif"]
    staged = {kind: stage(SAMPLES[kind]) for kind in kinds}
    wrong: list[str] = []

    def work(kind: str) -> None:
        wrong.extend(kind for _ in range(50) if sniff(staged[kind].descriptor) != kind)

    threads = [threading.Thread(target=work, args=(kind,)) for kind in kinds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# --- the claim ------------------------------------------------------------------------


@pytest.mark.property
@pytest.mark.django_db
@given(
    claimed=st.sampled_from(sorted(SAMPLES))
    | st.sampled_from(["text/html", "image/svg+xml", "text/plain; charset=utf-7", "x", "/", ";;"])
    | st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), min_size=1, max_size=40),
    kind=st.sampled_from(["image/png", "text/plain", "application/zip"]),
)
def test_the_claimed_type_never_changes_the_verdict(token: str, claimed: str, kind: str) -> None:
    answer = upload(token, SAMPLES[kind], "a.png", claimed=claimed)

    if kind == "image/png":
        assert (answer.status, answer.json["media_type"]) == (201, kind), answer.body
    elif kind == "text/plain":
        assert_problem(answer, 422, "content_mismatch")
    else:
        assert_problem(answer, 415, "unsupported_file_type")


@pytest.mark.django_db
def test_a_picture_that_is_a_program_is_refused(token: str, storage: Any) -> None:
    answer = upload(token, FOREIGN["elf"], "a.png", claimed="image/png")

    problem = assert_problem(answer, 415, "unsupported_file_type")
    assert "image/png" in problem["meta"]["allowed_types"]
    assert_nothing_kept(storage)


@pytest.mark.django_db
def test_a_picture_under_the_name_of_another_type_is_refused(token: str, storage: Any) -> None:
    assert_problem(upload(token, samples.image("PNG"), "a.pdf"), 422, "content_mismatch")
    assert_nothing_kept(storage)


# --- text -----------------------------------------------------------------------------


def is_text(content: bytes) -> bool:
    """The rule once more: decodes as a whole, and shows nothing but characters."""
    marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if marked else "utf-8")
    except UnicodeDecodeError:
        return False
    return all(c in ALLOWED_CONTROLS or unicodedata.category(c) != "Cc" for c in text)


texts = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\t\n\r\f\x85é漢🙂"))
contents = st.one_of(
    texts.map(lambda text: text.encode()),
    texts.map(lambda text: text.encode("utf-8-sig")),
    texts.map(lambda text: text.encode("utf-16")),
    texts.map(lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be")),
    texts.map(lambda text: text.encode("latin-1", "replace")),
    st.builds(lambda text, cut: text.encode()[:cut], texts, st.integers(0, 12)),
    st.binary(max_size=12),
    st.sampled_from([b"\xef", b"\xef\xbb", b"\xff", b"\xff\xfe", b"\xfe\xffa", b"\xff\xfe\0\xd8"]),
)


@pytest.mark.property
@given(content=contents, chunk_bytes=st.integers(1, 9))
def test_text_is_what_decodes_wherever_its_chunks_end(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, content: bytes, chunk_bytes: int
) -> None:
    monkeypatch.setattr(media_type, "DECODE_CHUNK_BYTES", chunk_bytes)
    staged = stage(content)

    if is_text(content):
        check_decodes(staged.descriptor)
    else:
        with pytest.raises(catalogue.ContentMismatch):
            check_decodes(staged.descriptor)


@pytest.mark.parametrize("number", [*range(0x20), *range(0x7F, 0xA0)])
def test_a_control_character_is_no_text_even_at_the_end(number: int, stage: Stage) -> None:
    staged = stage(b"plain text\n" * 1000 + chr(number).encode())

    if chr(number) in ALLOWED_CONTROLS:
        assert identify_type(staged, "a.txt") == "text/plain"
    else:
        with pytest.raises(catalogue.ContentMismatch):
            identify_type(staged, "a.txt")


@pytest.mark.parametrize("content", ["caf\xe9\n".encode("latin-1"), "é".encode("utf-16-le")])
def test_text_in_another_encoding_is_refused(content: bytes, stage: Stage) -> None:
    with pytest.raises((catalogue.ContentMismatch, catalogue.UnsupportedFileType)):
        identify_type(stage(content), "a.txt")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_with_a_mark_or_without_is_kept(encoding: str, stage: Stage) -> None:
    assert identify_type(stage("héllo, 漢字\n".encode(encoding)), "a.csv") == "text/csv"


def test_one_byte_of_text_is_text(stage: Stage) -> None:
    assert identify_type(stage(b"7"), "a.json") == "application/json"
