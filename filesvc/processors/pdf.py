"""PDF: what it is and holds, read by pikepdf; what its pages show, read by PDFium."""

from __future__ import annotations

import logging
import re
from decimal import Decimal
from xml.etree.ElementTree import ParseError

import pikepdf
from defusedxml import ElementTree
from pikepdf import AccessMode, Dictionary, Name, Pdf, Stream, String
from pypdfium2 import PdfiumError

from errors import catalogue
from filesvc.metadata import PdfMetadata, clean_text
from filesvc.processors.pdf_objects import (
    Findings,
    find_contents,
    find_pages,
    hides_attachments,
    stored_bytes,
)
from filesvc.processors.pdf_pages import is_encrypted, read_pages
from filesvc.processors.subject import Description, Subject

MAX_XMP_BYTES = 1024 * 1024
MAX_USER_UNIT = 100_000
# What 60,000 damaged files raised (measured), and what else C++ exceptions of qpdf become.
UNREADABLE = (
    pikepdf.PikepdfError,
    PdfiumError,
    ValueError,
    IndexError,
    OverflowError,
    RuntimeError,
)
_DC = "{http://purl.org/dc/elements/1.1/}"
_RDF_ITEM = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li"
_VERSION = re.compile(r"/?(\d{1,2})\.(\d{1,2})")

# qpdf's complaints quote the file; repaired is repaired, and what is not raises.
logging.getLogger("pikepdf").propagate = False
logging.getLogger("pikepdf").addHandler(logging.NullHandler())
# For the whole process: what one stream may unpack to, and one array hold; a megabyte of
# zeros packs to a kilobyte, and everything here is read inside 1 GiB.
pikepdf.settings.set_qpdf_limits(
    flate_max_memory=64 * 1024 * 1024,
    run_length_max_memory=64 * 1024 * 1024,
    png_max_memory=64 * 1024 * 1024,
    tiff_max_memory=64 * 1024 * 1024,
    parser_max_container_size=1_000_000,
    doc_max_warnings=10_000,
)


def describe_pdf(subject: Subject) -> Description:
    """Pages, size, version, title, author, words, what else is in it, and its first page.

    A file that qpdf repairs is described as readers repair it. Scripts and launch actions are
    told, with the refusal, and without a preview; attachments written to lead the scanner astray
    are refused like them. Raises EncryptedContent, for an empty
    password too, CorruptContent for what qpdf or PDFium cannot read and for what has
    more objects, pages or metadata than are looked at.
    """
    try:
        return _describe(subject)
    except pikepdf.PasswordError as error:
        raise catalogue.EncryptedContent(note="password") from error
    except UNREADABLE as error:
        # For AES-256 qpdf needs a random device, which a sandbox has not (tried).
        if is_encrypted(subject.source):
            raise catalogue.EncryptedContent(note="encrypted for PDFium") from error
        raise catalogue.CorruptContent(note=type(error).__name__) from error


def _describe(subject: Subject) -> Description:
    # Attributes are not inherited by force: qpdf would walk the whole page tree for it.
    with pikepdf.open(
        subject.source, access_mode=AccessMode.stream, inherit_page_attributes=False
    ) as pdf:
        if pdf.is_encrypted:
            raise catalogue.EncryptedContent(note="empty password")
        pages, first = find_pages(pdf)
        findings = find_contents(pdf, subject.report)
        is_hiding = hides_attachments(pdf, subject.source, findings)
        unit = _user_unit(first)
        version, title, author = _version(pdf), _title(pdf), _author(pdf)
    refusal = _refusal(findings, is_hiding=is_hiding)
    read = 0 if findings.is_heavy else pages
    draw = not (findings.is_heavy or refusal)
    shown = read_pages(subject.source, read, subject.report, draw=draw)
    told = PdfMetadata(
        version=version,
        pages=pages,
        page_width=round(shown.width * unit, 2),
        page_height=round(shown.height * unit, 2),
        title=title,
        author=author,
        words=shown.words,
        is_encrypted=False,
        is_signed=findings.is_signed,
        has_scripts=findings.has_scripts,
        has_launch_actions=findings.has_launch_actions,
        embedded_files=findings.embedded_files,
    )
    return Description(told, shown.preview, refusal)


def _refusal(findings: Findings, *, is_hiding: bool) -> catalogue.ActiveContent | None:
    if findings.has_scripts:
        return catalogue.ActiveContent(note="PDF with scripts")
    if findings.has_launch_actions:
        return catalogue.ActiveContent(note="PDF with launch actions")
    if is_hiding:
        return catalogue.ActiveContent(note="PDF attachment hidden from the scanner")
    return None


def _user_unit(page: Dictionary) -> float:
    """How many points one unit of this page is (ISO 32000-2, table 31); PDFium ignores it."""
    unit = page.get("/UserUnit", 1)
    if isinstance(unit, int | Decimal) and 0 < unit <= MAX_USER_UNIT:
        return float(unit)
    return 1.0


def _version(pdf: Pdf) -> str:
    """The later one of header and catalog (7.5.2)."""
    claimed = [pdf.pdf_version, str(pdf.Root.get("/Version", ""))]
    found = [tuple(map(int, match.groups())) for match in map(_VERSION.fullmatch, claimed) if match]
    return "{}.{}".format(*max(found, default=(1, 0)))


def _title(pdf: Pdf) -> str | None:
    return _in_info(pdf, "/Title") or _in_xmp(pdf, f"{_DC}title")


def _author(pdf: Pdf) -> str | None:
    return _in_info(pdf, "/Author") or _in_xmp(pdf, f"{_DC}creator")


def _in_info(pdf: Pdf, key: str) -> str | None:
    info = pdf.trailer.get("/Info")
    text = info.get(key) if isinstance(info, Dictionary) else None
    return clean_text(text) if isinstance(text, String) else None


def _in_xmp(pdf: Pdf, element: str) -> str | None:
    """The first value of a Dublin Core element (ISO 16684-1); metadata may be no XML at all."""
    packet = pdf.Root.get("/Metadata")
    if not isinstance(packet, Stream) or stored_bytes(packet) > MAX_XMP_BYTES:
        return None
    if packet.get("/Filter") not in (None, Name.FlateDecode):
        return None
    # An encoding the file names would make Python import a codec, from a file.
    parser = ElementTree.DefusedXMLParser(encoding="utf-8")
    try:
        parser.feed(packet.read_bytes()[:MAX_XMP_BYTES])
        tree = parser.close()
    except (ParseError, ValueError, pikepdf.PdfError):
        return None
    return clean_text(tree.findtext(f".//{element}//{_RDF_ITEM}"))
