"""What stands in the objects of a PDF: scripts, programs to start, signatures, files, pages.

Each object of the file is looked at once, whether the page tree reaches it or not: no cycle
can hold the search up, and no reader that repairs a file differently finds more than we did.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream, String

from errors import catalogue
from filesvc.processors.pdf_attachments import is_plain

# They take 520 MB while they are open (measured); the largest manuals have 200,000.
MAX_OBJECTS = 250_000
MAX_PAGES = 250_000
# PDFium makes 400 bytes of a drawing command of 12 (measured), and has 1 GiB for everything.
MAX_STREAM_BYTES = 16 * 1024 * 1024
# Deflate packs a thousand to one at best: this much of it is 16 MiB, and less may be too much.
INFLATE_BYTES = 16 * 1024
REPORT_EVERY = 20_000
# qpdf writes names in one spelling, so an object without these words needs no closer look.
_WORTH_A_LOOK = re.compile(
    rb"/(?:JavaScript|JS|Launch|Rendition|XFA|EF|Sig|ByteRange)(?![^\x00\t\n\x0c\r ()<>\[\]{}/%])"
)

# Not None, which pikepdf makes of a kid that is not there.
_NO_MORE = object()

Report = Callable[[str, int], None]


@dataclass
class Findings:
    """What was met on the way through all objects."""

    has_scripts: bool = False
    has_launch_actions: bool = False
    is_signed: bool = False
    embedded_files: int = 0
    # Where they are, with how many bytes they have in the file.
    attachments: dict[tuple[int, int], int] = field(default_factory=dict)
    # Something PDFium would need too much memory for.
    is_heavy: bool = False


def find_contents(pdf: Pdf, report: Report) -> Findings:
    """Scripts, launch actions, signatures and embedded files, compressed objects included.

    Raises InspectionFailed for more than 250,000 objects, and for metadata of more than 16 MiB,
    which PDFium reads as soon as it opens the file.
    """
    metadata = pdf.Root.get("/Metadata")
    if isinstance(metadata, Stream) and _is_heavy(metadata):
        raise catalogue.InspectionFailed(note="too much PDF metadata")
    places = list(pdf.get_xref_table())
    if len(places) > MAX_OBJECTS:
        raise catalogue.InspectionFailed(note="too many PDF objects")
    findings = Findings()
    for done, place in enumerate(places):
        if done % REPORT_EVERY == 0:
            report("objects", 50 * done // len(places))
        _look_into(pdf.get_object(place), findings)
    return findings


def hides_attachments(pdf: Pdf, source: BinaryIO, findings: Findings) -> bool:
    """Whether a file in the PDF is written as no ordinary program does."""
    table = pdf.get_xref_table()
    return not all(
        place in table
        and (offset := table[place].offset) is not None
        and is_plain(source, place, offset, stored)
        for place, stored in findings.attachments.items()
    )


def _look_into(held: Object, findings: Findings) -> None:
    if isinstance(held, Stream):
        findings.is_heavy = findings.is_heavy or _is_heavy(held)
        if held.get("/Type") == Name.EmbeddedFile:
            findings.attachments[held.objgen] = stored_bytes(held)
        held = held.stream_dict
    if not isinstance(held, Object):
        return  # a number, which pikepdf hands out as Python's own
    if not _WORTH_A_LOOK.search(held.unparse(resolved=True)):
        return
    # A name that is an object of its own: nothing but a disguise has a use for that.
    findings.has_scripts |= held == Name.JavaScript
    findings.has_launch_actions |= held == Name.Launch
    for dictionary in _dictionaries_in(held):
        _note(dictionary, findings)


def _is_heavy(stream: Stream) -> bool:
    """More than 16 MiB once it is unpacked; pictures are read by the row, and attachments never."""
    if stream.get("/Subtype") == Name.Image or stream.get("/Type") == Name.EmbeddedFile:
        return False
    packed_bytes = stored_bytes(stream)
    if stream.get("/Filter") not in (Name.FlateDecode, Array([Name.FlateDecode])):
        return packed_bytes > MAX_STREAM_BYTES
    if not INFLATE_BYTES < packed_bytes <= MAX_STREAM_BYTES:
        return packed_bytes > MAX_STREAM_BYTES
    return _inflates_beyond(stream.read_raw_bytes(), MAX_STREAM_BYTES)


def stored_bytes(stream: Stream) -> int:
    """How large a stream says it is in the file; qpdf has checked that it ends there."""
    length = stream.get("/Length")
    return length if isinstance(length, int) else 0


def _inflates_beyond(packed: bytes, limit_bytes: int) -> bool:
    inflater, unpacked_bytes = zlib.decompressobj(), 0
    try:
        for at in range(0, len(packed), INFLATE_BYTES):
            unpacked_bytes += len(inflater.decompress(packed[at : at + INFLATE_BYTES]))
            if unpacked_bytes > limit_bytes:
                return True
    except zlib.error:
        pass  # what is damaged ends here for PDFium too
    return False


def _dictionaries_in(held: Object) -> Iterator[Dictionary]:
    """The object and what is written inside it; references are objects of their own."""
    waiting = [held]
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, Dictionary):
            yield thing
            inner = [part for _, part in thing.items()]
        else:
            inner = list(thing) if isinstance(thing, Array) else []
        waiting += [
            part for part in inner if isinstance(part, Dictionary | Array) and not part.is_indirect
        ]


def _note(dictionary: Dictionary, findings: Findings) -> None:
    findings.has_scripts |= _is_script(dictionary)
    findings.has_launch_actions |= dictionary.get("/S") == Name.Launch
    findings.is_signed |= _is_signature(dictionary)
    # A file specification with a file in it, whatever refers to it (ISO 32000-2, 7.11.4).
    files = dictionary.get("/EF")
    findings.embedded_files += isinstance(files, Dictionary)
    if isinstance(files, Dictionary | Stream):
        held = [file for _, file in files.items() if isinstance(file, Stream)]
        findings.attachments |= {file.objgen: stored_bytes(file) for file in held}


def _is_script(dictionary: Dictionary) -> bool:
    """An action that runs JavaScript (12.6.4.17), or an XFA form, which is a program itself."""
    kind = dictionary.get("/S")
    return (
        kind == Name.JavaScript
        or (kind == Name.Rendition and "/JS" in dictionary)
        or isinstance(dictionary.get("/JS"), String)
        or "/XFA" in dictionary
    )


def _is_signature(dictionary: Dictionary) -> bool:
    """A field that has been signed, or its signature (12.8.1); nothing is verified."""
    if dictionary.get("/FT") == Name.Sig:
        return "/V" in dictionary
    return "/ByteRange" in dictionary and "/Contents" in dictionary


def find_pages(pdf: Pdf) -> tuple[int, Dictionary]:
    """How many pages the tree really has, whatever /Count says, and the first of them.

    Raises CorruptContent for a tree that meets itself or has no page, InspectionFailed for one
    of more than 250,000.
    """
    count, first = 0, None
    for page in _walk_pages(pdf.Root.get("/Pages")):
        first = page if first is None else first
        count += 1
        if count > MAX_PAGES:
            raise catalogue.InspectionFailed(note="too many PDF pages")
    if first is None:
        raise catalogue.CorruptContent(note="PDF without pages")
    return count, first


def _walk_pages(root: Object | None) -> Iterator[Dictionary]:
    met: set[tuple[int, int]] = set()
    waiting = [iter([root])]
    while waiting:
        node = next(waiting[-1], _NO_MORE)
        if node is _NO_MORE:
            waiting.pop()
        elif not isinstance(node, Dictionary):
            continue  # a reference to nothing is no page (7.3.10)
        elif "/Kids" not in node:
            yield node
        elif node.is_indirect and node.objgen in met:
            raise catalogue.CorruptContent(note="cycle in the page tree")
        else:
            met.add(node.objgen)
            waiting.append(iter(_kids_of(node)))


def _kids_of(node: Dictionary) -> list[Object]:
    kids = node.Kids
    return list(kids) if isinstance(kids, Array) else []
