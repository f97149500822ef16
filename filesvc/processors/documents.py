"""Text documents (DOCX): words and paragraphs, counted in one pass over the document's XML."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from filesvc.metadata import DocumentMetadata
from filesvc.processors.markup import Reading, tags_of
from filesvc.processors.office import find_main_part, read_common
from filesvc.processors.package import Package
from filesvc.processors.properties import read_pages
from filesvc.processors.subject import Description, Subject
from filesvc.processors.words import WordCount

GAPS = frozenset({"tab", "br", "cr", "ptab"})
# The building blocks of a template or document: text that is inserted on demand.
GLOSSARY = "glossaryDocument"
# Kinds of relationships, with the root of the part they lead to: text beside the document.
STORIES = {
    **{"header": "hdr", "footer": "ftr", "footnotes": "footnotes", "endnotes": "endnotes"},
    **{"comments": "comments", "glossarydocument": GLOSSARY},
}
MAX_FIELD_CODE = 200
# A field that starts a program when it is brought up to date (ECMA-376 part 1, 17.16.5; T-05).
_DDE = re.compile(r"\s*dde(auto)?\b", re.IGNORECASE)
_INSTRUCTIONS = tuple(tags_of("wordprocessingml/main", "instr"))


def describe_document(subject: Subject) -> Description:
    """Words and paragraphs of the document itself, tables and text boxes included.

    Not of headers, footers, notes and comments, nor of deleted text, field codes and formulas.
    Pages are what the program that saved the file counted. Raises CorruptContent,
    EncryptedContent, ArchiveLimitsExceeded.
    """
    package = Package(subject)
    fields, activity = read_common(package)
    main = find_main_part(package)
    text = package.read(main, DocumentText("document"))
    told = DocumentMetadata(
        **fields, words=text.count.words, pages=read_pages(package), paragraphs=text.paragraphs
    )
    starts_programs = text.has_dde or any(story.has_dde for story in read_stories(package, main))
    return Description(told, refusal=replace(activity, starts_programs=starts_programs).refusal())


def read_stories(package: Package, main: str) -> Iterator[DocumentText]:
    """Headers, footers, notes, comments and building blocks, which may have all of these too.

    Each part once; those that are missing hide nothing. Raises CorruptContent.
    """
    stories = _find_stories(package, main)
    for part in [part for part, root in stories.items() if root == GLOSSARY]:
        stories |= _find_stories(package, part)
    for part, root in stories.items():
        yield package.read(part, DocumentText(root))


def _find_stories(package: Package, owner: str) -> dict[str, str]:
    return {
        found.part: STORIES[found.kind]
        for found in package.relationships(owner)
        if found.kind in STORIES and found.part in package.parts
    }


class DocumentText(Reading):
    """Paragraphs and their words; a word may run over several runs of one paragraph."""

    tags: Mapping[str, str] = tags_of(
        "wordprocessingml/main",
        "document hdr ftr footnotes endnotes comments glossaryDocument "
        "p t tab br cr ptab instrText fldChar fldSimple",
    )

    def __init__(self, root: str) -> None:
        super().__init__()
        self.root = root
        self.count = WordCount()
        self.paragraphs = 0
        self.has_dde = False
        # A text box stands inside a run of another paragraph, which goes on after it.
        self._outer: list[bool] = []
        self._is_code = False
        self._code = ""
        self._code_aside: str | None = None

    def opened(self, name: str, attributes: Mapping[str, str]) -> None:
        """The paragraph, its text, and what parts words without being text."""
        if name in ("t", "instrText"):
            self.listening, self._is_code = True, name == "instrText"
        elif name == "p":
            self.paragraphs += 1
            self._outer.append(self.count.leave())
        elif name in GAPS:
            self.count.end_word()
        elif name == "fldChar":
            self._code = ""
        elif name == "fldSimple":
            self._look_at("".join(attributes.get(key, "") for key in _INSTRUCTIONS))

    def closed(self, name: str) -> None:
        """Back to the paragraph around this one."""
        if name in ("t", "instrText"):
            self.listening = False
        elif name == "p":
            self.count.resume(self._outer.pop())

    def heard(self, text: str) -> None:
        """A piece of the paragraph's text, or of a field's code."""
        if self._is_code:
            self._code = (self._code + text)[:MAX_FIELD_CODE]
            self._look_at(self._code)
        else:
            self.count.add(text)

    def opened_aside(self, name: str, attributes: Mapping[str, str]) -> None:
        """Word shows a fallback when it does not know what the content before it needs."""
        if name == "fldSimple":
            self.opened(name, attributes)
        elif name == "instrText":
            self._code_aside = self._code_aside or ""
        elif name in ("fldChar", "t"):
            self._code_aside = None

    def heard_aside(self, text: str) -> None:
        """Of field codes there is something to fear, and nothing to count."""
        if self._code_aside is not None:
            self._code_aside = (self._code_aside + text)[:MAX_FIELD_CODE]
            self._look_at(self._code_aside)

    def _look_at(self, code: str) -> None:
        self.has_dde = self.has_dde or _DDE.match(code) is not None
