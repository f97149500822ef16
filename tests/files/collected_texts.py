"""Texts, tables and JSON of the collection, with what must be told of each."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.files.sample import Fields, Sample, installed
from tests.files.texts import table

PEOPLE = [
    ("name", "born", "height", "member", "seen"),
    ("Ada", "1815-12-10", "1.65", "true", "2021-02-03T04:05:06Z"),
    ("Łukasz, junior", "1999-01-02", "2", "false", "2021-02-03 04:05"),
    ('said "hello"\nand left', "", "1e3", "TRUE", ""),
]
PEOPLE_TYPES = [
    ("name", "text"),
    ("born", "date"),
    ("height", "number"),
    ("member", "boolean"),
    ("seen", "datetime"),
]


def counts(text: str, encoding: str) -> Fields:
    """As `wc` counts, but characters."""
    return {
        "encoding": encoding,
        "lines": text.count("\n") + (text != "" and not text.endswith("\n")),
        "words": len(text.split()),
        "characters": len(text),
    }


def written(
    name: str, media_type: str, text: str, kind: str, encoding: str = "utf-8", **more: Any
) -> Sample:
    """A text in an encoding of Python's."""
    told_encoding = encoding.removesuffix("-sig")
    told = {"kind": kind, **counts(text, told_encoding)} | more
    return Sample(name, media_type, lambda: text.encode(encoding), told)


def carried(
    name: str, media_type: str, make: Callable[[], bytes], kind: str, **more: Any
) -> Sample:
    """A text of an installed package."""
    return Sample(name, media_type, make, {"kind": kind, **counts(make().decode(), "utf-8")} | more)


def plain(name: str, text: str, encoding: str = "utf-8") -> Sample:
    """Plain text, or Markdown by its name."""
    media_type = "text/markdown" if name.endswith(("md", "markdown")) else "text/plain"
    return written(name, media_type, text, "text", encoding)


def grid(
    name: str,
    text: str,
    columns: list[tuple[str, str]],
    rows: int,
    delimiter: str = ",",
    *,
    encoding: str = "utf-8",
    has_header: bool = True,
) -> Sample:
    """A table with these columns and rows."""
    media_type = "text/csv" if name.endswith("csv") else "text/tab-separated-values"
    told = [{"name": title, "type": kind} for title, kind in columns]
    shape = {"has_header": has_header, "columns": len(columns), "rows": rows}
    return written(
        name, media_type, text, "csv", encoding, delimiter=delimiter, column_types=told, **shape
    )


def walk(value: Any) -> tuple[int, int]:
    """How many values there are, this one too, and how deep they reach."""
    if not isinstance(value, dict | list):
        return 1, 0
    inner = [walk(part) for part in (value.values() if isinstance(value, dict) else value)]
    return 1 + sum(number for number, _ in inner), 1 + max((deep for _, deep in inner), default=0)


def shape(top_level: str, *documents: Any) -> Fields:
    """What is told of these documents."""
    walked = [walk(document) for document in documents]
    return {
        "documents": len(documents),
        "top_level": top_level,
        "depth": max(deep for _, deep in walked),
        "values": sum(number for number, _ in walked),
    }


def objects(name: str, text: str, told: Fields, encoding: str = "utf-8") -> Sample:
    """JSON."""
    return written(name, "application/json", text, "json", encoding, **told)


def carried_json(name: str, package: str, path: str) -> Sample:
    """JSON of an installed package: an object."""
    make = installed(package, path)
    return carried(name, "application/json", make, "json", **shape("object", json.loads(make())))


DEEP: Any = 0
for _ in range(300):
    DEEP = [DEEP]
NUMBERS = [(n, n * n, f"row {n}") for n in range(500)]
NUMBER_TYPES = [("", "integer"), ("", "integer"), ("", "text")]

SAMPLES = [
    plain("note.txt", "hello world\n"),
    plain("no-end.txt", "one\ntwo\nthree"),
    plain("windows.txt", "one\r\ntwo words\r\n"),
    plain("marked.txt", "Grüße — 你好 👋\n", "utf-8-sig"),
    plain("wide.text", "Grüße — 你好 👋\nnext\n", "utf-16"),
    plain("server.log", "2021-02-03 04:05:06 INFO started\n" * 2000),
    plain("one-line.txt", "word " * 100_000),
    plain("readme.md", "# Title\n\n* one\n* two\n\n```sh\nls\n```\n"),
    plain("script.markdown", "#!/usr/bin/env bash\necho hello\n"),
    carried(
        "leap-seconds.txt",
        "text/plain",
        installed("hypothesis", "vendor/leap-seconds.txt"),
        "text",
    ),
    carried(
        "icons.md", "text/markdown", installed("werkzeug", "debug/shared/ICON_LICENSE.md"), "text"
    ),
    grid("people.csv", table(PEOPLE), PEOPLE_TYPES, 3),
    grid("german.csv", table(PEOPLE, ";"), PEOPLE_TYPES, 3, ";"),
    grid("pipes.csv", table(PEOPLE, "|", "\n"), PEOPLE_TYPES, 3, "|", encoding="utf-8-sig"),
    grid("wide.csv", table(PEOPLE, "\t"), PEOPLE_TYPES, 3, "\t", encoding="utf-16"),
    grid("numbers.csv", table(NUMBERS), NUMBER_TYPES, 500, has_header=False),
    grid("column.csv", "price\n1\n2.5\n", [("price", "number")], 2),
    grid("people.tsv", table(PEOPLE, "\t"), PEOPLE_TYPES, 3, "\t"),
    grid("numbers.tab", table(NUMBERS, "\t", "\n"), NUMBER_TYPES, 500, "\t", has_header=False),
    grid(
        "marked.tsv",
        "id\tcode\n1\t007\n2\t\n",
        [("id", "integer"), ("code", "text")],
        2,
        "\t",
        encoding="utf-8-sig",
    ),
    objects(
        "object.json",
        '{"a": [1, 2.5, null], "b": {"c": true}}',
        shape("object", {"a": [1, 2.5, None], "b": {"c": True}}),
    ),
    objects("deep.json", json.dumps(DEEP), shape("array", DEEP)),
    objects("lines.json", '{"n": 1}\n{"n": 2}\n[]\n', shape("object", {"n": 1}, {"n": 2}, [])),
    objects("text.json", '"Grüße"', shape("string", "Grüße"), "utf-8-sig"),
    objects("wide.json", '["Grüße", false]', shape("array", ["Grüße", False]), "utf-16"),
    objects("null.json", "null\n", shape("null", None)),
    carried_json("metaschema.json", "jsonschema_specifications", "schemas/draft7/metaschema.json"),
    carried_json("openapi.json", "drf_spectacular", "validation/openapi_3_1_schema.json"),
]
