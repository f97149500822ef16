"""Reads the XML of Office parts as a stream: no tree, no DTD, no entity but the five of XML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lxml import etree

from errors import catalogue

# A name with its namespace; Office needs 100. With a namespace of 9 MB each of a million tags
# would be a string of 9 MB (measured: more than a minute).
MAX_NAME = 1000
# Tables in tables reach 100 levels. lxml itself takes 23 million, then has no memory (measured).
MAX_DEPTH = 1000
# What an old program is shown in place of the content before it: the same words again.
FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"

# Each namespace has two names: transitional (ECMA-376 part 4), and strict (part 1).
TRANSITIONAL = "http://schemas.openxmlformats.org/"
STRICT = "http://purl.oclc.org/ooxml/"


def tags_of(namespace: str, names: str) -> dict[str, str]:
    """The full tags of these local names, in both forms of the namespace, to the local name.

    `namespace` is the end of the strict name, `wordprocessingml/main`.
    """
    family, _, rest = namespace.partition("/")
    forms = (f"{TRANSITIONAL}{family}/2006/{rest}", f"{STRICT}{namespace}")
    return {f"{{{form}}}{name}": name for form in forms for name in names.split()}


class Reading:
    """What is kept of one part: a subclass hears of the elements it names, and of their text.

    Text comes in pieces, while `listening`. Built for a part of 100 MB: the methods lxml calls
    for each tag do next to nothing.
    """

    root: str | None = None
    tags: Mapping[str, str] = {}

    def __init__(self) -> None:
        self.listening = False
        self._depth = 0
        self._fallbacks = 0

    def opened(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element of `tags` begins."""

    def closed(self, name: str) -> None:
        """An element of `tags` ends."""

    def heard(self, text: str) -> None:
        """A piece of text."""

    def opened_aside(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element of `tags` begins in what is shown to old programs alone, or to all (T-05)."""

    def heard_aside(self, text: str) -> None:
        """A piece of text there, inside of tags or not."""

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Called by lxml."""
        self._depth += 1
        if len(tag) > MAX_NAME or self._depth > MAX_DEPTH:
            raise catalogue.CorruptContent(note="XML out of all measure")
        name = self.tags.get(tag)
        if self._depth == 1 and name != self.root:
            raise catalogue.CorruptContent(note="another root element")
        if name is None:
            self._fallbacks += tag == FALLBACK
        elif not self._fallbacks:
            self.opened(name, attributes)
        else:
            self.opened_aside(name, attributes)

    def end(self, tag: str) -> None:
        """Called by lxml."""
        self._depth -= 1
        name = self.tags.get(tag)
        if name is None:
            self._fallbacks -= tag == FALLBACK
        elif not self._fallbacks:
            self.closed(name)

    def data(self, text: str) -> None:
        """Called by lxml."""
        if self._fallbacks:
            self.heard_aside(text)
        elif self.listening:
            self.heard(text)

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        """Called by lxml before a DTD is read; Office files have none (ECMA-376 part 2, 9.1.7)."""
        raise catalogue.CorruptContent(note="DTD in XML")

    def close(self) -> None:
        """Called by lxml."""


def read_markup(chunks: Iterable[bytes], reading: Reading) -> None:
    """Have one part read to its end, in the memory of one chunk.

    Raises CorruptContent for what is no XML or has a DTD (ASVS 1.5.1, CWE-611, CWE-776).
    """
    parser = etree.XMLParser(
        target=reading,
        # There are none but XML's own five; False would leave `&#38;` in attributes (tried).
        resolve_entities="internal",
        load_dtd=False,
        no_network=True,
        huge_tree=False,
    )
    try:
        for chunk in chunks:
            parser.feed(chunk)
        parser.close()
    except etree.LxmlError as error:
        raise catalogue.CorruptContent(note="XML") from error
