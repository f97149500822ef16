"""Slide shows (PPTX): the slides, and the words on them."""

from __future__ import annotations

from collections.abc import Mapping

from errors import catalogue
from filesvc.metadata import PresentationMetadata
from filesvc.processors.contents import Contents
from filesvc.processors.markup import Reading, tags_of
from filesvc.processors.office import find_main_part, read_common
from filesvc.processors.package import Package
from filesvc.processors.subject import Description, Subject
from filesvc.processors.words import WordCount


def describe_presentation(subject: Subject) -> Description:
    """The slides, hidden ones too, and the words of their shapes and tables.

    Not the words of notes, comments, layouts, charts and diagrams. Raises CorruptContent,
    EncryptedContent, ArchiveLimitsExceeded.
    """
    package = Package(subject)
    fields, activity = read_common(package)
    slides = find_slides(package)
    # A slide that is listed twice is read once: 10,000 times 100 MB would take a day.
    words = {part: package.read(part, SlideText()).count.words for part in set(slides)}
    told = PresentationMetadata(
        **fields, words=sum(words[part] for part in slides), slides=len(slides)
    )
    return Description(told, refusal=activity.refusal())


def find_slides(package: Package) -> list[str]:
    """The names of the slides' parts, in their order.

    Raises CorruptContent for a slide that leads nowhere.
    """
    main = find_main_part(package)
    listed = package.read(main, Slides()).items
    parts = {found.id: found.part for found in package.relationships(main) if found.kind == "slide"}
    try:
        return [parts[item.relationship_id] for item in listed]
    except KeyError as error:
        raise catalogue.CorruptContent(note="slide without a part") from error


class Slides(Contents):
    """The slides of a presentation."""

    root = "presentation"
    item = "sldId"
    tags: Mapping[str, str] = tags_of("presentationml/main", "presentation sldId")


class SlideText(Reading):
    """The words of one slide; a word may run over several runs of one paragraph."""

    root = "sld"
    tags: Mapping[str, str] = {
        **tags_of("presentationml/main", "sld"),
        **tags_of("drawingml/main", "p t br"),
    }

    def __init__(self) -> None:
        super().__init__()
        self.count = WordCount()

    def opened(self, name: str, attributes: Mapping[str, str]) -> None:
        """A paragraph or a line break parts words; paragraphs do not nest."""
        self.listening = name == "t"
        if not self.listening:
            self.count.end_word()

    def closed(self, name: str) -> None:
        """No text outside `t`."""
        self.listening = False

    def heard(self, text: str) -> None:
        """A piece of a paragraph's text."""
        self.count.add(text)
