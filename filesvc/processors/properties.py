"""What an Office file says of itself: title, author, dates, and the pages its program counted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from filesvc.metadata import MAX_TEXT
from filesvc.processors.markup import Reading, tags_of
from filesvc.processors.package import Package

# As much as `clean_text` reads.
MAX_PROPERTY = 8 * MAX_TEXT
MAX_DIGITS = 9
# W3CDTF as far as it names a day: the profile of ISO 8601 of the Dublin Core terms.
_DATE = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII)
_CORE = "{http://schemas.openxmlformats.org/package/2006/metadata/core-properties}"
_DUBLIN = "{http://purl.org/dc/elements/1.1/}"
_TERMS = "{http://purl.org/dc/terms/}"


class Properties(Reading):
    """The text of some properties, by their names; the first of a name counts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._name = ""

    def opened(self, name: str, attributes: Mapping[str, str]) -> None:
        """A property, or the root around them, whose own text is blank."""
        self.listening = name != self.root and name not in self.found
        self._name = name

    def closed(self, name: str) -> None:
        """What stands between two properties belongs to none."""
        self.listening = False
        self.found.setdefault(name, "")

    def heard(self, text: str) -> None:
        """No more of it than can be told."""
        self.found[self._name] = (self.found.get(self._name, "") + text)[:MAX_PROPERTY]


class CoreProperties(Properties):
    """Those of every package (ECMA-376 part 2, 11)."""

    root = "coreProperties"
    tags: Mapping[str, str] = {
        f"{_CORE}coreProperties": "coreProperties",
        f"{_DUBLIN}title": "title",
        f"{_DUBLIN}creator": "creator",
        f"{_TERMS}created": "created",
        f"{_TERMS}modified": "modified",
    }


class ProgramProperties(Properties):
    """Those that the program that saved the file counted."""

    root = "Properties"
    # The one namespace whose two forms differ in more than their start.
    tags: Mapping[str, str] = {
        **tags_of("officeDocument/extended-properties", "Properties Pages"),
        **tags_of("officeDocument/extendedProperties", "Properties Pages"),
    }


def read_core_properties(package: Package) -> dict[str, str]:
    """title, creator, created and modified, those there are.

    Raises CorruptContent.
    """
    for found in package.relationships():
        if found.kind == "core-properties":
            return package.read(found.part, CoreProperties()).found
    return {}


def read_pages(package: Package) -> int | None:
    """How many pages the program that saved the file counted; None for none or nonsense.

    Raises CorruptContent.
    """
    for found in package.relationships():
        if found.kind in ("extended-properties", "extendedproperties"):
            return parse_pages(package.read(found.part, ProgramProperties()).found.get("Pages", ""))
    return None


def parse_pages(text: str) -> int | None:
    """A number of pages that can be one."""
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS:
        return int(text) or None
    return None


def parse_date(text: str) -> str | None:
    """As RFC 3339 in UTC, to the second; without a zone it is UTC, without a time midnight.

    None for what is no such date.
    """
    text = text.strip()
    if not _DATE.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    # Not strftime, which writes the year 1 with one digit.
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
