"""What the parts of an Office file say of each other, and of places outside it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from errors import catalogue
from filesvc.processors.markup import Reading
from security.office_targets import CONTROLS, MACROS, MAX_TARGET, OPENED_BY_ITSELF, is_remote

# Of one part, inside the package: each leads to another part, of which there are 10,000.
MAX_INSIDE = 20_000
_TAG = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"


@dataclass(frozen=True, slots=True)
class Relationship:
    """One, to a part of the same file; `kind` is the last word of its type, in lower case."""

    id: str
    kind: str
    part: str


class Relationships(Reading):
    """Those of one part; of the ones that point outside only what they amount to."""

    root = "Relationships"
    tags: Mapping[str, str] = {_TAG: "Relationship", f"{_TAG}s": "Relationships"}

    def __init__(self, part: str) -> None:
        super().__init__()
        self.inside: list[Relationship] = []
        self.external_links = 0
        self.has_macros = False
        self.has_controls = False
        self.loads_from_outside = False
        self._part = part

    def opened(self, name: str, attributes: Mapping[str, str]) -> None:
        """Its type is a URL that ends the same in both forms of the standard."""
        if name == self.root:
            return
        kind = attributes.get("Type", "").rpartition("/")[2].lower()
        target = attributes.get("Target", "")
        self.has_macros |= kind in MACROS
        self.has_controls |= kind in CONTROLS
        if attributes.get("TargetMode", "").lower() == "external":
            self.external_links += 1
            self.loads_from_outside |= kind in OPENED_BY_ITSELF and is_remote(target)
        elif len(self.inside) == MAX_INSIDE or len(target) > MAX_TARGET:
            raise catalogue.CorruptContent(note="relationships out of all measure")
        else:
            part = resolve(self._part, target)
            self.inside.append(Relationship(attributes.get("Id", ""), kind, part))


def relationships_part(part: str) -> str:
    """The name of the part that holds the relationships of another (ECMA-376 part 2, 9.3)."""
    folder, name = posixpath.split(part)
    return posixpath.join(folder, "_rels", f"{name}.rels")


def resolve(part: str, target: str) -> str:
    """The name of the part that a target means, seen from another; never above the package."""
    path = posixpath.join("/", posixpath.dirname(part), unquote(target))
    return posixpath.normpath(path).lstrip("/").lower()
