"""Office files put together by hand, part by part, in either form of the standard (ECMA-376)."""

from __future__ import annotations

from tests import samples

CONTENT_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
RELATIONSHIPS = "http://schemas.openxmlformats.org/package/2006/relationships"
# The two names of each namespace.
TRANSITIONAL = {
    "w": "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "s": "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    "p": "http://schemas.openxmlformats.org/presentationml/2006/main",
    "a": "http://schemas.openxmlformats.org/drawingml/2006/main",
    "r": "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
}
STRICT = {
    "w": "http://purl.oclc.org/ooxml/wordprocessingml/main",
    "s": "http://purl.oclc.org/ooxml/spreadsheetml/main",
    "p": "http://purl.oclc.org/ooxml/presentationml/main",
    "a": "http://purl.oclc.org/ooxml/drawingml/main",
    "r": "http://purl.oclc.org/ooxml/officeDocument/relationships",
}
MAIN_PARTS = {
    "docx": ("word/document.xml", "wordprocessingml.document"),
    "xlsx": ("xl/workbook.xml", "spreadsheetml.sheet"),
    "pptx": ("ppt/presentation.xml", "presentationml.presentation"),
}

Link = tuple[str, str, str]


def relationships(*links: Link, mode: str = "") -> str:
    """A relationships part of (id, type, target); `mode` is `External` for places outside."""
    told = f' TargetMode="{mode}"' if mode else ""
    inside = "".join(
        f'<Relationship Id="{name}" Type="{kind}" Target="{target}"{told}/>'
        for name, kind, target in links
    )
    return f'<Relationships xmlns="{RELATIONSHIPS}">{inside}</Relationships>'


def package(
    extension: str,
    main: str | bytes,
    parts: dict[str, str | bytes] | None = None,
    links: tuple[Link, ...] = (),
    names: dict[str, str] = TRANSITIONAL,
) -> bytes:
    """A file of one main part, further parts, and what the main part says of them."""
    part, kind = MAIN_PARTS[extension]
    folder, _, name = part.rpartition("/")
    declared = f"application/vnd.openxmlformats-officedocument.{kind}.main+xml"
    types = (
        f'<Types xmlns="{CONTENT_TYPES}"><Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/{part}" ContentType="{declared}"/></Types>'
    )
    content: dict[str, str | bytes] = {
        "[Content_Types].xml": types,
        "_rels/.rels": relationships(("main", f"{names['r']}/officeDocument", part)),
        part: main,
        f"{folder}/_rels/{name}.rels": relationships(
            *((link, f"{names['r']}/{kind}", target) for link, kind, target in links)
        ),
    }
    return samples.archive(content | (parts or {}))


def document(body: str, names: dict[str, str] = TRANSITIONAL, encoding: str = "utf-8") -> bytes:
    """A DOCX with this body, whose main part is written in that encoding."""
    main = f'<w:document xmlns:w="{names["w"]}"><w:body>{body}</w:body></w:document>'
    return package("docx", _encoded(main, encoding), names=names)


def paragraph(*runs: str) -> str:
    """A paragraph of runs of text."""
    return "<w:p>" + "".join(f"<w:r><w:t>{run}</w:t></w:r>" for run in runs) + "</w:p>"


def workbook(
    rows: str,
    strings: str | None = None,
    names: dict[str, str] = TRANSITIONAL,
    encoding: str = "utf-8",
    before: str = "",
) -> bytes:
    """An XLSX of one sheet with these rows; `before` stands before them in the sheet."""
    sheet = f'<worksheet xmlns="{names["s"]}">{before}<sheetData>{rows}</sheetData></worksheet>'
    parts: dict[str, str | bytes] = {"xl/worksheets/sheet1.xml": _encoded(sheet, encoding)}
    links: tuple[Link, ...] = (("one", "worksheet", "worksheets/sheet1.xml"),)
    if strings is not None:
        parts["xl/sharedStrings.xml"] = f'<sst xmlns="{names["s"]}">{strings}</sst>'
        links += (("two", "sharedStrings", "sharedStrings.xml"),)
    listed = '<sheet name="One" sheetId="1" r:id="one"/>'
    spaces = f'xmlns="{names["s"]}" xmlns:r="{names["r"]}"'
    main = f"<workbook {spaces}><sheets>{listed}</sheets></workbook>"
    return package("xlsx", main, parts, links, names)


def show(*slides: str, names: dict[str, str] = TRANSITIONAL, encoding: str = "utf-8") -> bytes:
    """A PPTX of slides with these shapes' texts (DrawingML paragraphs)."""
    listed = "".join(
        f'<p:sldId id="{256 + number}" r:id="slide{number}"/>' for number in range(len(slides))
    )
    main = (
        f'<p:presentation xmlns:p="{names["p"]}" xmlns:r="{names["r"]}">'
        f"<p:sldIdLst>{listed}</p:sldIdLst></p:presentation>"
    )
    parts: dict[str, str | bytes] = {
        f"ppt/slides/slide{number}.xml": _encoded(
            f'<p:sld xmlns:p="{names["p"]}" xmlns:a="{names["a"]}"><p:txBody>{text}</p:txBody>'
            "</p:sld>",
            encoding,
        )
        for number, text in enumerate(slides)
    }
    links = [(f"slide{n}", "slide", f"slides/slide{n}.xml") for n in range(len(slides))]
    return package("pptx", main, parts, tuple(links), names)


def _encoded(markup: str, encoding: str) -> bytes:
    return f'<?xml version="1.0" encoding="{encoding}"?>{markup}'.encode(encoding)
