"""PDF: what is told of pages, titles, signatures, files, scripts, and of damage."""

from __future__ import annotations

import io
from collections.abc import Callable

import pikepdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pikepdf import Array, Dictionary, Name, Pdf, String

from errors import catalogue
from errors.base import ServiceError
from filesvc.metadata import PdfMetadata
from filesvc.processors import pdf_objects
from filesvc.processors.pdf import describe_pdf
from filesvc.processors.subject import Subject
from tests.files import pdfs
from tests.filesvc.processors.telling import refusal, tell

SAMPLES = pdfs.every_sample()
VERSIONS = ["1.3", "1.4", "1.5", "1.7", "2.0"]
SIZES = st.tuples(st.integers(3, 2000), st.integers(3, 2000))


def ask(content: bytes) -> tuple[object, bytes | None]:
    """What is told and the preview, or the code of the error."""
    try:
        found = describe_pdf(Subject("application/pdf", len(content), "", io.BytesIO(content)))
    except ServiceError as error:
        return error.code, None
    return found.metadata, found.preview


@pytest.mark.parametrize("make", pdfs.ORDINARY.values(), ids=pdfs.ORDINARY)
def test_what_ordinary_programs_write_is_described(make: Callable[[], bytes]) -> None:
    content = make()

    told = tell(describe_pdf, content)

    assert told["pages"] >= 1
    assert not told["is_encrypted"]
    assert refusal(describe_pdf, content) is None


@pytest.mark.property
@given(
    pages=st.integers(1, 20),
    size=SIZES,
    version=st.sampled_from(VERSIONS),
    linearize=st.booleans(),
    streams=st.sampled_from(list(pikepdf.ObjectStreamMode)),
)
def test_whatever_pikepdf_writes_is_told_with_the_right_numbers(
    pages: int,
    size: tuple[int, int],
    version: str,
    linearize: bool,
    streams: pikepdf.ObjectStreamMode,
) -> None:
    content = pdfs.saved(
        pdfs.blank(pages, size), force_version=version, linearize=linearize,
        object_stream_mode=streams,
    )  # fmt: skip

    told = tell(describe_pdf, content)

    assert told["pages"] == pages
    assert (told["page_width"], told["page_height"]) == size
    assert told["words"] == 0
    if streams is pikepdf.ObjectStreamMode.disable:
        assert told["version"] == version


# As many as fit on the page, whatever font stands in for Helvetica: words off it are not counted.
@pytest.mark.property
@given(words=st.lists(st.from_regex("[a-z]{1,8}", fullmatch=True), max_size=4))
def test_the_words_on_a_page_are_counted(words: list[str]) -> None:
    assert tell(describe_pdf, pdfs.by_hand(text=" ".join(words)))["words"] == len(words)


@pytest.mark.property
@given(content=st.binary(max_size=1000).map(b"%PDF-1.7\n".__add__))
def test_any_bytes_end_in_a_description_or_an_error_of_the_catalogue(content: bytes) -> None:
    with pytest.raises(ServiceError):
        tell(describe_pdf, content)


@pytest.mark.property
@given(
    sample=st.sampled_from(SAMPLES),
    other=st.sampled_from(SAMPLES),
    place=st.floats(0, 1),
    length=st.integers(0, 60),
    tail=st.sampled_from(["cut", "kept", "spliced"]),
)
def test_a_changed_sample_ends_in_a_description_or_an_error_of_the_catalogue(
    sample: bytes, other: bytes, place: float, length: int, tail: str
) -> None:
    at = int(place * len(sample))
    changed = sample[:at] + other[at : at + length]
    if tail != "cut":
        changed += (sample if tail == "kept" else other)[at + length :]

    found, _ = ask(changed)

    assert isinstance(found, PdfMetadata) or found in {"corrupt_content", "encrypted_content"}


@pytest.mark.property
@given(sample=st.sampled_from(SAMPLES))
def test_the_same_file_is_always_described_alike(sample: bytes) -> None:
    assert ask(sample) == ask(sample)


@pytest.mark.parametrize("make", [pdfs.titled, pdfs.with_xmp])
def test_title_and_author_are_told_clean(make: Callable[[str, str], bytes]) -> None:
    told = tell(describe_pdf, make("Bericht\u202e  über\nBäume", "Ada"))

    assert (told["title"], told["author"]) == ("Bericht über Bäume", "Ada")


@pytest.mark.parametrize("packet", [b"<not", b"<a/>", b'<?xml version="1.0" encoding="no"?><a/>'])
def test_metadata_that_says_nothing_does_no_harm(packet: bytes) -> None:
    document = pdfs.blank()
    document.Root.Metadata = document.make_stream(packet)

    assert tell(describe_pdf, pdfs.saved(document, fix_metadata_version=False))["title"] is None


def test_the_catalog_may_raise_the_version() -> None:
    assert tell(describe_pdf, pdfs.by_hand(catalog="/Version /2.0"))["version"] == "2.0"


@pytest.mark.parametrize(
    ("entries", "size"),
    [
        ("/Rotate 90", (200, 300)),
        ("/UserUnit 2.5", (750, 500)),
        ("/UserUnit -1", (300, 200)),
        ("/CropBox [10 10 60 50]", (50, 40)),
        ("/CropBox [1000 1000 2000 2000]", (0, 0)),
    ],
)
def test_the_first_page_is_as_large_as_a_reader_shows_it(
    entries: str, size: tuple[int, int]
) -> None:
    told = tell(describe_pdf, pdfs.by_hand(page=entries))

    assert (told["page_width"], told["page_height"]) == size


@pytest.mark.parametrize("revision", [3, 4, 6])
@pytest.mark.parametrize("user", ["", "secret"])
def test_an_encrypted_file_is_refused(user: str, revision: int) -> None:
    with pytest.raises(catalogue.EncryptedContent):
        tell(describe_pdf, pdfs.encrypted(user, revision))


@pytest.mark.parametrize("write", [pdfs.saved, pdfs.compressed])
@pytest.mark.parametrize("make", pdfs.ACTIVE.values(), ids=pdfs.ACTIVE)
def test_an_action_is_told_and_refused_wherever_it_stands(
    make: Callable[[], Pdf], write: Callable[[Pdf], bytes]
) -> None:
    content = write(make())

    told = tell(describe_pdf, content)

    assert told["has_scripts"] is not told["has_launch_actions"]
    assert told["has_launch_actions"] is (make is pdfs.launching)
    assert refusal(describe_pdf, content) == "active_content"


@pytest.mark.parametrize(
    "catalog",
    [
        "/OpenAction << /S /J#61vaScript /JS 9 0 R >>",
        "/OpenAction << /#53/JavaScript >>",
        "/OpenAction << /S /Rendition /JS 4 0 R >>",
        "/OpenAction << /JS (x) >>",
        "/Deep [[[ << /A [ << /S /JavaScript >> ] >> ]]]",
        "/AcroForm << /XFA [] >>",
    ],
)
def test_a_script_is_found_however_it_is_spelled(catalog: str) -> None:
    assert tell(describe_pdf, pdfs.by_hand(catalog=catalog))["has_scripts"]


def test_an_action_whose_kind_is_an_object_of_its_own_is_found() -> None:
    document = pdfs.blank()
    kind = document.make_indirect(Name.JavaScript)
    document.Root.OpenAction = Dictionary(S=kind, JS=document.make_stream(b"app.alert(1)"))

    assert tell(describe_pdf, pdfs.compressed(document))["has_scripts"]


@pytest.mark.parametrize(
    "catalog", ["/T (say /S /JavaScript)", "/Font << /JS 5 0 R >>", "/A << /S /URI /URI (x) >>"]
)
def test_what_only_looks_like_a_script_is_none(catalog: str) -> None:
    assert refusal(describe_pdf, pdfs.by_hand(catalog=catalog)) is None


def test_a_signature_is_told() -> None:
    assert tell(describe_pdf, pdfs.compressed(pdfs.signed()))["is_signed"]


def test_a_signature_field_that_waits_is_no_signature() -> None:
    document = pdfs.blank()
    field = Dictionary(FT=Name.Sig, T=String("Sign here"))
    document.Root.AcroForm = Dictionary(Fields=Array([document.make_indirect(field)]))

    assert not tell(describe_pdf, pdfs.saved(document))["is_signed"]


@pytest.mark.parametrize(("listed", "annotated"), [(0, 0), (3, 0), (0, 2), (2, 2)])
def test_files_in_the_file_are_counted(listed: int, annotated: int) -> None:
    told = tell(describe_pdf, pdfs.compressed(pdfs.with_files(listed, annotated)))

    assert told["embedded_files"] == listed + annotated


def test_pages_are_counted_and_not_believed() -> None:
    assert tell(describe_pdf, pdfs.lying_count())["pages"] == 1


@pytest.mark.parametrize(
    "content",
    [pdfs.cyclic(), pdfs.by_hand().replace(b"[3 0 R]", b"[]     "), pdfs.by_hand()[:300]],
    ids=["cycle", "no pages", "cut short"],
)
def test_a_file_without_a_page_tree_is_corrupt(content: bytes) -> None:
    with pytest.raises(catalogue.CorruptContent):
        tell(describe_pdf, content)


@pytest.mark.parametrize("limit", ["MAX_OBJECTS", "MAX_PAGES"])
def test_there_is_a_limit_to_what_is_looked_at(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_objects, limit, 9)

    with pytest.raises(catalogue.InspectionFailed, match="too many"):
        tell(describe_pdf, pdfs.saved(pdfs.blank(10)))


def test_nothing_is_printed_about_a_damaged_file(capfd: pytest.CaptureFixture[str]) -> None:
    tell(describe_pdf, pdfs.broken_table())

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "handler", ["/Filter /Adobe.PubSec /V 4", "/Filter /FoxitConnectedPDFDRM /V 4", "/V 9"]
)
def test_a_file_that_only_certificates_open_is_encrypted_and_not_corrupt(handler: str) -> None:
    with pytest.raises(catalogue.EncryptedContent):
        tell(describe_pdf, pdfs.by_hand(trailer=f"/Encrypt << {handler} >>"))


@pytest.mark.parametrize(("coding", "title"), [("", "Report"), ("/Filter /ASCIIHexDecode", None)])
def test_metadata_in_a_coding_that_nobody_uses_for_it_is_not_unpacked(
    coding: str, title: str | None
) -> None:
    with Pdf.open(io.BytesIO(pdfs.with_xmp("Report", "Ada"))) as document:
        plain = document.Root.Metadata.read_bytes()
    packet = plain.hex() + ">" if coding else plain.decode("latin-1")
    content = pdfs.written(
        "<< /Type /Catalog /Pages 2 0 R /Metadata 4 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>",
        f"<< /Length {len(packet)} {coding} >>\nstream\n{packet}\nendstream",
    )

    assert tell(describe_pdf, content)["title"] == title
