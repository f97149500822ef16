"""Reads XML as far as a gate has to, and refuses every document type declaration.

Entities, external or endlessly nested, can only be declared in one, and OPC forbids them
(ECMA-376-2, 8.1.4; OWASP ASVS 5.0 1.5.1). expat gets no handler that could resolve anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from xml.parsers import expat

from errors import catalogue
from security.structure.zip_members import Budget

# A declaration can only stand before the root element, and real files begin with that.
MAX_PROLOG_BYTES = 64 * 1024
# expat keeps the token it is in, every name it has seen and each open element. Of what it was given
# it looks at an unfinished token again at once, or only when there is twice as much (since 2.6, or
# a distribution's patch): a token of half this limit always passes, and one beyond it never.
MAX_PENDING_BYTES = 1024 * 1024
MAX_NAMES = 256
MAX_OPEN_ELEMENTS = 32
# UTF-8 and UTF-16 are OPC's; the others, which some generators write, are supersets of ASCII.
ENCODINGS = frozenset({"utf-8", "utf-16", "us-ascii", "iso-8859-1", "windows-1252"})

OnElement = Callable[[str, dict[str, str]], None]


class _RootReached(Exception):
    """Ends the parse from inside a handler."""


def check_prolog(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces as they are, once what stands before their root element is harmless.

    Raises CorruptContent.
    """
    rest, head = iter(pieces), b""
    for piece in rest:
        head += piece
        if len(head) >= MAX_PROLOG_BYTES:
            break
    _parse_prolog(head[:MAX_PROLOG_BYTES])
    yield head
    yield from rest


def _parse_prolog(head: bytes) -> None:
    if not head:
        return
    try:
        _open_parser(_reach_root).Parse(head, False)
    except _RootReached:
        return
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise catalogue.CorruptContent(note="XML part") from error
    raise catalogue.CorruptContent(note="XML part without a root element")


def walk_elements(
    pieces: Iterable[bytes], on_element: OnElement, budget: Budget
) -> Iterator[bytes]:
    """The pieces as they are, while each element is told by local name and attributes.

    Raises CorruptContent, ArchiveLimitsExceeded and what `on_element` raises.
    """
    walk = _Walk(on_element, budget)
    parser = _open_parser(walk.open_element)
    parser.EndElementHandler = walk.close_element
    fed_bytes = 0
    try:
        for piece in pieces:
            parser.Parse(piece, False)
            fed_bytes += len(piece)
            if fed_bytes - max(parser.CurrentByteIndex, 0) > MAX_PENDING_BYTES:
                raise catalogue.CorruptContent(note="endless XML token")
            yield piece
        parser.Parse(b"", True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise catalogue.CorruptContent(note="XML part") from error


class _Walk:
    """Counts what expat would keep without end."""

    def __init__(self, on_element: OnElement, budget: Budget) -> None:
        self._on_element, self._budget = on_element, budget
        self._names: set[str] = set()
        self._open = 0

    def open_element(self, name: str, attributes: dict[str, str]) -> None:
        self._budget.take_element(len(attributes))
        self._open += 1
        self._names.update((name, *attributes))
        if self._open > MAX_OPEN_ELEMENTS or len(self._names) > MAX_NAMES:
            raise catalogue.CorruptContent(note="XML part is too deep or has too many names")
        self._on_element(name.rpartition(":")[2], attributes)

    def close_element(self, _name: str) -> None:
        self._open -= 1


def _open_parser(on_element: OnElement) -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.XmlDeclHandler = _check_encoding
    parser.StartDoctypeDeclHandler = _refuse_declaration
    parser.StartElementHandler = on_element
    return parser


def _reach_root(_name: str, _attributes: dict[str, str]) -> None:
    raise _RootReached


def _refuse_declaration(*_told: object) -> None:
    raise catalogue.CorruptContent(note="document type declaration")


def _check_encoding(_version: str, encoding: str | None, _standalone: int) -> None:
    if encoding is not None and encoding.lower() not in ENCODINGS:
        raise catalogue.CorruptContent(note="encoding of an XML part")
