"""What documents, spreadsheets and presentations have in common, and what none of them may do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

from errors import catalogue
from filesvc.metadata import clean_text
from filesvc.processors.markup import Reading
from filesvc.processors.package import Package
from filesvc.processors.properties import parse_date, read_core_properties
from filesvc.processors.relationships import Relationships

CONTENT_TYPES = "[content_types].xml"
# Words in content types, in lower case: Visual Basic, and sheets that are programs (Excel 4).
MACRO_TYPES = ("macroenabled", "vbaproject", "vbadata", "macrosheet")
MACRO_PARTS = re.compile(r"(^|/)(vbaproject|vbadata)[^/]*$|(^|/)(intl)?macrosheets/")
CONTROL_PARTS = re.compile(r"(^|/)activex")
_TYPES = "{http://schemas.openxmlformats.org/package/2006/content-types}"


class OfficeFields(TypedDict):
    """What every Office form tells besides its words."""

    title: str | None
    author: str | None
    created_at: str | None
    modified_at: str | None
    external_links: int
    has_macros: bool


@dataclass(frozen=True)
class Activity:
    """What a file runs or fetches as soon as it is opened."""

    has_macros: bool
    has_controls: bool
    loads_from_outside: bool
    starts_programs: bool = False

    def refusal(self) -> catalogue.ActiveContent | None:
        """What keeps the file from being handed out (T-05)."""
        if self.has_macros:
            return catalogue.ActiveContent(note="macros")
        if self.has_controls:
            return catalogue.ActiveContent(note="ActiveX control")
        if self.loads_from_outside:
            return catalogue.ActiveContent(note="template or object from outside")
        if self.starts_programs:
            return catalogue.ActiveContent(note="DDE field")
        return None


class ContentTypes(Reading):
    """Which of the declared content types are code; case does not count in them."""

    root = "Types"
    tags: Mapping[str, str] = {_TYPES + name: name for name in ("Types", "Default", "Override")}

    def __init__(self) -> None:
        super().__init__()
        self.has_macros = False
        self.has_controls = False

    def opened(self, name: str, attributes: Mapping[str, str]) -> None:
        """One declaration."""
        declared = attributes.get("ContentType", "").lower()
        self.has_macros |= any(word in declared for word in MACRO_TYPES)
        self.has_controls |= "activex" in declared


def find_main_part(package: Package) -> str:
    """The name of the document, workbook or presentation itself.

    Raises CorruptContent when the package names none.
    """
    for found in package.relationships():
        if found.kind == "officedocument":
            return found.part
    raise catalogue.CorruptContent(note="no main part")


def read_common(package: Package) -> tuple[OfficeFields, Activity]:
    """What every form tells, and what the file would do.

    Raises CorruptContent.
    """
    links = [
        package.read(name, Relationships("")) for name in package.parts if name.endswith(".rels")
    ]
    activity = find_activity(package, links)
    core = read_core_properties(package)
    fields = OfficeFields(
        title=clean_text(core.get("title")),
        author=clean_text(core.get("creator")),
        created_at=parse_date(core.get("created", "")),
        modified_at=parse_date(core.get("modified", "")),
        external_links=sum(part.external_links for part in links),
        has_macros=activity.has_macros,
    )
    return fields, activity


def find_activity(package: Package, links: list[Relationships]) -> Activity:
    """By content types, names of parts and relationships: each alone is enough.

    Raises CorruptContent.
    """
    declared = package.read(CONTENT_TYPES, ContentTypes())
    told: list[ContentTypes | Relationships] = [declared, *links]
    return Activity(
        has_macros=any(part.has_macros for part in told)
        or any(MACRO_PARTS.search(name) for name in package.parts),
        has_controls=any(part.has_controls for part in told)
        or any(CONTROL_PARTS.search(name) for name in package.parts),
        loads_from_outside=any(part.loads_from_outside for part in links),
    )
