"""Workbooks (XLSX): how far each sheet is used, and the words of the cells that hold text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from errors import catalogue
from filesvc.metadata import MAX_LISTED, Sheet, SpreadsheetMetadata, clean_name
from filesvc.processors.contents import Contents, Item
from filesvc.processors.markup import tags_of
from filesvc.processors.office import find_main_part, read_common
from filesvc.processors.package import Package
from filesvc.processors.relationships import Relationship
from filesvc.processors.subject import Description, Subject
from filesvc.processors.worksheets import SharedStrings, Worksheet

TABLE_KINDS = frozenset({"worksheet", "xlmacrosheet", "xlintlmacrosheet"})
KINDS = TABLE_KINDS | {"chartsheet", "dialogsheet"}


def describe_spreadsheet(subject: Subject) -> Description:
    """Every sheet, hidden ones too; rows and columns reach to the last cell that holds something.

    What the file claims as dimension does not count, nor does a cell that only has a format.
    Words are those of texts, typed or computed, and not numbers, dates, comments or drawings.
    Raises CorruptContent, EncryptedContent, ArchiveLimitsExceeded.
    """
    package = Package(subject)
    fields, activity = read_common(package)
    main = find_main_part(package)
    items = package.read(main, Sheets()).items
    sheets = read_sheets(package, main, items)
    told = SpreadsheetMetadata(
        **fields,
        words=sum(sheet.count.words for sheet in sheets),
        sheets=len(sheets),
        sheet_list=[
            Sheet(name=clean_name(item.name), rows=sheet.rows, columns=sheet.columns)
            for item, sheet in zip(items[:MAX_LISTED], sheets, strict=False)
        ],
    )
    return Description(told, refusal=activity.refusal())


def read_sheets(package: Package, main: str, items: Sequence[Item]) -> list[Worksheet]:
    """What each sheet holds; nothing for one that is no table (a chart, a dialog).

    Raises CorruptContent for a sheet that leads nowhere.
    """
    links = package.relationships(main)
    strings = read_strings(package, links)
    parts = {found.id: found.part for found in links if found.kind in KINDS}
    tables = {found.part for found in links if found.kind in TABLE_KINDS}
    try:
        wanted = [parts[item.relationship_id] for item in items]
    except KeyError as error:
        raise catalogue.CorruptContent(note="sheet without a part") from error
    # A part that is listed twice is read once: 10,000 times 100 MB would take a day.
    found = {part: package.read(part, Worksheet(strings)) for part in tables.intersection(wanted)}
    return [found.get(part) or Worksheet(strings) for part in wanted]


def read_strings(package: Package, links: Sequence[Relationship]) -> Sequence[int]:
    """How many words each shared string has.

    Raises CorruptContent.
    """
    for found in links:
        if found.kind == "sharedstrings":
            return package.read(found.part, SharedStrings()).words
    return ()


class Sheets(Contents):
    """The sheets of a workbook."""

    root = "workbook"
    item = "sheet"
    tags: Mapping[str, str] = tags_of("spreadsheetml/main", "workbook sheet")
