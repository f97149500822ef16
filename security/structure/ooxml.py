"""Office files (OOXML): a ZIP of parts that is of the kind its name says and runs nothing.

ECMA-376 part 2 (OPC). libmagic calls a document with macros a plain one; only the parts and
their declared content types tell (T-05).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import BinaryIO

from errors import catalogue
from security.structure.limits import MAX_ENTRIES, archive_limits_exceeded
from security.structure.marks import refuse_marks
from security.structure.office_links import check_relationship
from security.structure.second_format import check_no_pdf
from security.structure.xml_parts import check_prolog, walk_elements
from security.structure.zip_archive import look_inside, open_archive
from security.structure.zip_directory import Entry
from security.structure.zip_members import Budget, unpack_member

TYPES_PART = "[content_types].xml"
ROOT_RELATIONSHIPS = "_rels/.rels"
# Excel starts the program that a DDE link names, in a part of any name: what is looked for is the
# element, with and without a prefix. Where such parts usually are, the word alone is enough.
EXTERNAL_LINKS = "xl/externallinks/"
CODINGS = ("utf-8", "utf-16-le", "utf-16-be")
DDE_LINKS = tuple("ddeLink".encode(coding) for coding in CODINGS)
DDE_ELEMENTS = tuple(f"{mark}ddeLink".encode(coding) for coding in CODINGS for mark in "<:")
XML_SUFFIXES = (".xml", ".rels", ".vml")
# Macros, Excel 4 macro sheets and ActiveX controls, by the type or the name of their parts.
ACTIVE_TYPES = re.compile("macroenabled|vbaproject|vbadata|macrosheet|activex")
ACTIVE_NAMES = re.compile(r"(^|/)(vbaproject|vbadata|activex)[^/]*$|(^|/)(intl)?macrosheets/")


@dataclass
class ContentTypes:
    """What `[Content_Types].xml` declares each part to be; all in lower case."""

    defaults: dict[str, str] = field(default_factory=dict)
    overrides: dict[str, str] = field(default_factory=dict)

    def add(self, element: str, attributes: dict[str, str]) -> None:
        """Take one element in.

        Raises ActiveContent, AmbiguousContent, ArchiveLimitsExceeded.
        """
        declared = attributes.get("ContentType", "").strip().lower()
        if ACTIVE_TYPES.search(declared):
            raise catalogue.ActiveContent(note="content type of macros or controls")
        if element == "Default":
            self._set(self.defaults, attributes.get("Extension", ""), declared)
        if element == "Override":
            self._set(self.overrides, attributes.get("PartName", "").lstrip("/"), declared)

    def _set(self, declarations: dict[str, str], key: str, declared: str) -> None:
        if declarations.setdefault(key.lower(), declared) != declared:
            raise catalogue.AmbiguousContent(note="part of two content types")
        if len(declarations) > MAX_ENTRIES:
            raise archive_limits_exceeded("too many content types")

    def of(self, part: str) -> str:
        """The type of one part; empty when nothing is declared."""
        extension = part.rpartition(".")[2]
        return self.overrides.get(part, self.defaults.get(extension, ""))

    def is_xml(self, part: str) -> bool:
        """True for what an office program reads as XML; a picture in SVG is none of that."""
        declared = self.of(part)
        is_declared = declared.endswith(("/xml", "+xml")) and declared != "image/svg+xml"
        return is_declared or part.endswith(XML_SUFFIXES)


def inspect_office(source: BinaryIO, size_bytes: int, *, media_type: str) -> None:
    """Refuse an office file that is of another kind, carries macros or controls, or fetches code.

    Raises ContentMismatch, ActiveContent, CorruptContent, AmbiguousContent, EncryptedContent,
    ArchiveUnsafeEntry, ArchiveLimitsExceeded.
    """
    _inspect_package(source, size_bytes, Budget(size_bytes), main_type=f"{media_type}.main+xml")


def _inspect_package(
    source: BinaryIO, size_bytes: int, budget: Budget, *, main_type: str | None
) -> None:
    """One level: the office file itself, or one that is embedded in it, of any kind."""
    check_no_pdf(source)
    with budget.one_level_deeper():
        parts = _open_parts(source, size_bytes, budget)
        types = _read_types(source, parts, budget)
        if main_type is not None:
            _check_main_part(types, _main_parts(source, parts, budget), parts, main_type)
        for name, entry in parts.items():
            pieces = _watch_part(name, types, unpack_member(source, entry), budget)
            look_inside(pieces, budget, partial(_inspect_package, main_type=None))


def _open_parts(source: BinaryIO, size_bytes: int, budget: Budget) -> dict[str, Entry]:
    """The parts by their names in lower case, as OPC compares them."""
    entries = open_archive(source, size_bytes, budget)
    parts = {entry.name.lower(): entry for entry in entries}
    for name in parts:
        if ACTIVE_NAMES.search(name):
            raise catalogue.ActiveContent(note="part for macros or controls")
        if name.endswith(".piece"):
            raise catalogue.CorruptContent(note="part in pieces")
    return parts


def _read_types(source: BinaryIO, parts: dict[str, Entry], budget: Budget) -> ContentTypes:
    types = ContentTypes()
    if TYPES_PART in parts:
        _exhaust(walk_elements(unpack_member(source, parts[TYPES_PART]), types.add, budget))
    return types


def _main_parts(source: BinaryIO, parts: dict[str, Entry], budget: Budget) -> set[str]:
    """The parts the package calls its main part; one, if it is in order."""
    targets: set[str] = set()

    def find_main_part(element: str, attributes: dict[str, str]) -> None:
        # The worker knows no case in kinds either: another spelling would be a second main part.
        kind = attributes.get("Type", "").lower().rpartition("/")[2]
        if element == "Relationship" and kind == "officedocument":
            targets.add(posixpath.normpath("/" + attributes.get("Target", "")).lstrip("/").lower())

    if ROOT_RELATIONSHIPS in parts:
        root = unpack_member(source, parts[ROOT_RELATIONSHIPS])
        _exhaust(walk_elements(root, find_main_part, budget))
    return targets


def _check_main_part(
    types: ContentTypes, targets: set[str], parts: dict[str, Entry], main_type: str
) -> None:
    if main_type not in (*types.overrides.values(), *types.defaults.values()):
        raise catalogue.ContentMismatch(note="office file of another kind, or none")
    if len(targets) > 1:
        raise catalogue.AmbiguousContent(note="office file with two main parts")
    if not targets or not targets <= parts.keys():
        raise catalogue.CorruptContent(note="office file without its main part")
    if types.of(targets.pop()) != main_type:
        raise catalogue.ContentMismatch(note="office file of another kind")


def _watch_part(
    name: str, types: ContentTypes, pieces: Iterator[bytes], budget: Budget
) -> Iterator[bytes]:
    if name.endswith(".rels"):
        return walk_elements(pieces, check_relationship, budget)
    refusal = catalogue.ActiveContent(note="link that starts a program")
    marks = DDE_LINKS if name.startswith(EXTERNAL_LINKS) else DDE_ELEMENTS
    pieces = refuse_marks(pieces, marks, refusal)
    return check_prolog(pieces) if types.is_xml(name) else pieces


def _exhaust(pieces: Iterable[bytes]) -> None:
    for _ in pieces:
        pass
