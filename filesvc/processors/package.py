"""An Office file as a package (ECMA-376 part 2): its parts, each read as a stream."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from typing import TypeVar

from errors import catalogue
from filesvc.processors.archive_file import open_archive, unpack
from filesvc.processors.markup import Reading, read_markup
from filesvc.processors.relationships import Relationship, Relationships, relationships_part
from filesvc.processors.subject import Subject

# A second's work, about.
REPORT_EVERY_BYTES = 8 * 1024 * 1024

R = TypeVar("R", bound=Reading)


class Package:
    """The parts of one file, under their names in lower case: part names know no case."""

    def __init__(self, subject: Subject) -> None:
        """Raises CorruptContent, EncryptedContent, ArchiveLimitsExceeded."""
        self._report = subject.report
        self._archive = open_archive(subject)
        files = [entry for entry in self._archive.infolist() if not entry.is_dir()]
        self.parts = {entry.filename.lower(): entry for entry in files}
        if len(self.parts) != len(files):
            raise catalogue.CorruptContent(note="two parts of one name")
        self._size_bytes = sum(entry.file_size for entry in files)
        self._read_bytes = 0
        self._relationships: dict[str, list[Relationship]] = {}

    def read(self, name: str, reading: R) -> R:
        """One part, read to its end.

        Raises CorruptContent when it is missing, damaged or not the XML it should be.
        """
        entry = self.parts.get(name)
        if entry is None:
            raise catalogue.CorruptContent(note="missing part")
        read_markup(self._unpack(entry), reading)
        return reading

    def _unpack(self, entry: zipfile.ZipInfo) -> Iterator[bytes]:
        for chunk in unpack(self._archive, entry):
            before = self._read_bytes
            self._read_bytes += len(chunk)
            if before // REPORT_EVERY_BYTES != self._read_bytes // REPORT_EVERY_BYTES:
                # A part that is read again counts again.
                self._report("reading", min(99, 100 * self._read_bytes // self._size_bytes))
            yield chunk

    def relationships(self, part: str = "") -> list[Relationship]:
        """What one part says of others in this file; the package itself has no name.

        The others need not exist. Raises CorruptContent.
        """
        name = relationships_part(part)
        if name not in self.parts:
            return []
        if part not in self._relationships:
            self._relationships[part] = self.read(name, Relationships(part)).inside
        return self._relationships[part]
