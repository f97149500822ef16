"""The sheets of a workbook and the slides of a show, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from errors import catalogue
from filesvc.processors.markup import Reading, tags_of
from security.archive_limits import MAX_ENTRIES

_IDS = tuple(tags_of("officeDocument/relationships", "id"))


@dataclass(frozen=True, slots=True)
class Item:
    """One sheet or slide: its name, if it has one, and the relationship that leads to its part."""

    name: str
    relationship_id: str


class Contents(Reading):
    """The items of a main part; a subclass says what they are called."""

    item = ""

    def __init__(self) -> None:
        super().__init__()
        self.items: list[Item] = []

    def opened(self, name: str, attributes: Mapping[str, str]) -> None:
        """One item; each has a part of its own, so there are no more than parts."""
        if name != self.item:
            return
        if len(self.items) == MAX_ENTRIES:
            raise catalogue.CorruptContent(note="more sheets or slides than parts")
        ids = (attributes[key] for key in _IDS if key in attributes)
        self.items.append(Item(attributes.get("name", ""), next(ids, "")))
