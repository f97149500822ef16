"""Archives of the collection, with what must be told of each."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

from tests.files import archives, images
from tests.files.archives import Member, pack
from tests.files.sample import MADE_AT, Sample


def sample(
    name: str,
    make: Callable[[], bytes],
    entries: int,
    unpacked_bytes: int,
    *types: tuple[str, int],
    deepest: int = 0,
    suspicious: int = 0,
) -> Sample:
    """An archive with so many files of each extension."""
    told = {
        "kind": "archive",
        "entries": entries,
        "unpacked_bytes": unpacked_bytes,
        "deepest_path": deepest,
        "types": [{"extension": extension, "entries": number} for extension, number in types],
        "suspicious_entries": suspicious,
    }
    return Sample(name, "application/zip", make, told)


def zipped(entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """As Python's zipfile packs it; a name that ends in a slash is a folder."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as packed:
        for name, content in entries.items():
            packed.writestr(zipfile.ZipInfo(name, MADE_AT), content, method)
    return target.getvalue()


TEXTS = {"a.txt": b"hello", "b.TXT": b"hello", "Grüße.md": b"hi", "none": b"", ".hidden": b"1"}
FOLDERS = {"one/": b"", "one/two/": b"", "one/two/three.csv": b"a,b\n", "one/pixel.png": b"12"}
NESTED = zipped({"a.txt": b"hello"})
PICTURE = images.picture("PNG")

SAMPLES = [
    sample("texts.zip", lambda: zipped(TEXTS), 5, 13, ("", 2), ("txt", 2), ("md", 1)),
    sample("stored.zip", lambda: zipped(TEXTS, zipfile.ZIP_STORED), 5, 13, ("", 2), ("txt", 2),
           ("md", 1)),
    sample("folders.zip", lambda: zipped(FOLDERS), 4, 6, ("csv", 1), ("png", 1), deepest=2),
    sample("nested.zip", lambda: zipped({"in.zip": NESTED, "a.png": PICTURE}), 2,
           len(NESTED) + len(PICTURE), ("png", 1), ("zip", 1), suspicious=1),
    sample("programs.zip", lambda: zipped({"bin/run.sh": b"ls\n", "bin/read.exe.txt": b"x"}), 2, 4,
           ("sh", 1), ("txt", 1), deepest=1, suspicious=2),
    sample("streamed.zip", lambda: pack(archives.streamed(b"a.txt", b"hello" * 99)), 1, 495,
           ("txt", 1)),
    sample("large.zip", lambda: pack(Member(b"a.txt", b"hello"), is_zip64=True), 1, 5, ("txt", 1)),
    sample("none.zip", lambda: zipped({}), 0, 0),
]  # fmt: skip
