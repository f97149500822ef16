"""Attachments of a PDF: the plain way to write one, and the ways that led the scanner astray."""

from __future__ import annotations

import io
import zlib
from typing import Any

import pikepdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pikepdf import ObjectStreamMode

from filesvc.processors.pdf import describe_pdf
from tests.files import pdfs
from tests.filesvc.processors.telling import refusal

FLATE = "/Filter/FlateDecode"
PACKED = zlib.compress(b"attached").decode("latin-1")


def attached(
    entries: str, *more: str, content: str = PACKED, kind: str = "/Type/EmbeddedFile"
) -> bytes:
    """A PDF with one attachment, whose dictionary has these entries; `more` are objects from 6."""
    return pdfs.written(
        "<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[(a) 4 0 R]>>>>>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>",
        "<</Type/Filespec/F(a)/EF<</F 5 0 R>>>>",
        f"<<{kind}/Length {len(content)}{entries}>>\nstream\n{content}\nendstream",
        *more,
    )


@pytest.mark.parametrize(
    "entries",
    [
        "/Filter 6 0 R",
        "/Filter[6 0 R]",
        f"{FLATE}/DecodeParms<</Predictor 12/Columns 17>>",
        f"{FLATE}/DP<</Predictor 12>>",
        f"%endobj\n{FLATE}",
        f"/X(endobj){FLATE}",
        f"/X(stream\n){FLATE}",
        "/Filter/ASCIIHexDecode/Filter/FlateDecode",
        "/Filter[/Crypt/FlateDecode]",
        "/Filter[/FlateDecode/FlateDecode/FlateDecode]",
        "/F#69lter/FlateDecode",
        "/Filter\f/FlateDecode",
        f"/Subtype/Image{FLATE}",
        f"/Subtype/application#2Foctet-stream{FLATE}",
        f"/X<</Filter/ASCIIHexDecode>>{FLATE}",
        f"/X(>>){FLATE}",
        f"/X(<<){FLATE}",
        f"{FLATE}/X({'x' * 5000})",
    ],
)
@pytest.mark.parametrize("kind", ["/Type/EmbeddedFile", ""])
def test_an_attachment_that_leads_the_scanner_astray_is_refused(entries: str, kind: str) -> None:
    content = attached(entries, "/FlateDecode", kind=kind)

    assert refusal(describe_pdf, content) == "active_content"


@pytest.mark.parametrize("word", ["endstream", "endobj"])
def test_an_attachment_that_seems_to_end_early_is_refused(word: str) -> None:
    assert refusal(describe_pdf, attached("", content=f"a\n{word}\nb")) == "active_content"


def test_an_attachment_behind_a_comment_is_refused() -> None:
    content = attached(FLATE).replace(b"endobj\n5 0 obj", b"%9 0 obj stream\n5 0 obj")

    assert refusal(describe_pdf, content) == "active_content"


@pytest.mark.parametrize(
    "entries",
    [
        FLATE,
        "",
        "/Filter[]",
        "/Filter/Fl",
        "\r\n/Filter [ /ASCII85Decode /FlateDecode ]\n",
        f"/Subtype/text#2Fxml/Params<</ModDate(D:20261124)/Size 8>>{FLATE}",
        f"/Params << /CheckSum <5d41402abc4b2a76b9719d911017c592> /Size 8 >> {FLATE}",
        f"{FLATE}/Params<</CheckSum(\x00\xff\\)\\(%\x80(a)\n)/Size 8>>",
    ],
)
def test_an_attachment_told_plainly_is_accepted(entries: str) -> None:
    assert refusal(describe_pdf, attached(entries)) is None


def test_the_length_of_an_attachment_may_stand_elsewhere() -> None:
    content = attached(FLATE, str(len(PACKED)))
    elsewhere = content.replace(f"/Length {len(PACKED)}/".encode(), b"/Length 6 0 R/")

    assert refusal(describe_pdf, elsewhere) is None


@pytest.mark.property
@given(
    content=st.binary(max_size=300).filter(lambda held: b"end" not in held),
    name=st.sampled_from(["factur-x.xml", "a.txt", "a.pdf"]),
    linearize=st.booleans(),
    streams=st.sampled_from(list(ObjectStreamMode)),
    packed=st.booleans(),
)
def test_whatever_pikepdf_attaches_is_accepted(
    content: bytes, name: str, linearize: bool, streams: ObjectStreamMode, packed: bool
) -> None:
    document, options = pdfs.blank(), dict[str, Any](compress_streams=packed)
    document.attachments[name] = content
    written = pdfs.saved(document, linearize=linearize, object_stream_mode=streams, **options)

    assert refusal(describe_pdf, written) is None


def test_an_attachment_of_a_file_that_was_saved_again_is_accepted() -> None:
    with pikepdf.open(io.BytesIO(pdfs.saved(pdfs.with_files(2, 1)))) as document:
        assert refusal(describe_pdf, pdfs.saved(document)) is None
