"""One file of the collection: how it is made, and what the service must tell of it."""

from __future__ import annotations

import importlib.resources
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Fields = dict[str, Any]
# Where an archive holds the time of its making, it holds this one instead.
MADE_AT = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Sample:
    """A file with its name and what is expected of it; `preview` is width and height in pixels."""

    name: str
    media_type: str
    make: Callable[[], bytes]
    metadata: Fields = field(repr=False)
    preview: tuple[int, int] | None = None


def installed(package: str, path: str) -> Callable[[], bytes]:
    """A file that an installed package carries."""
    return lambda: importlib.resources.files(package).joinpath(path).read_bytes()


def dated(archive: bytes, parts: dict[str, str] | None = None) -> bytes:
    """The same archive, its entries as old as ZIP itself, some of them with other content."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as source,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for entry in source.infolist():
            content = (parts or {}).get(entry.filename) or source.read(entry)
            packed.writestr(zipfile.ZipInfo(entry.filename, MADE_AT), content, entry.compress_type)
    return target.getvalue()
