"""Describes files in a process of its own, and tells what it did besides.

Run as `python -m tests.filesvc.processors.describe_alone EXTENSION FILE...`: prints one JSON
object with what was told, what was opened or imported meanwhile, and the growth in KiB.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any, BinaryIO

from errors.base import ServiceError
from filesvc.processors import OOXML, describe
from filesvc.processors.subject import Subject

MEMORY_BYTES = 1024**3
MEDIA_TYPES = {
    "docx": f"{OOXML}wordprocessingml.document",
    "xlsx": f"{OOXML}spreadsheetml.sheet",
    "pptx": f"{OOXML}presentationml.presentation",
    "zip": "application/zip",
    "pdf": "application/pdf",
    **{kind: f"image/{kind}" for kind in ("png", "jpeg", "gif", "webp", "tiff", "bmp")},
}
WATCHED = ("open", "import", "os.listdir", "os.scandir", "socket.", "subprocess.", "exec")

acts: list[str] = []
is_watching = False


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook: it cannot be taken off again, so it is switched."""
    if is_watching and event.startswith(WATCHED):
        acts.append(f"{event} {arguments[:1]}")


def describe_watched(media_type: str, source: BinaryIO) -> Any:
    """What is told of one file, or the error's code."""
    global is_watching
    is_watching = True
    try:
        return describe(Subject(media_type, 0, "", source)).metadata.model_dump()
    except ServiceError as error:
        return error.code
    finally:
        is_watching = False


def main(extension: str, *paths: str) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    sys.addaudithook(watch)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told = []
    for path in paths:
        with Path(path).open("rb") as source:
            told.append(describe_watched(MEDIA_TYPES[extension], source))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    sys.stdout.write(json.dumps({"told": told, "acts": acts, "grown_kib": grown}))


if __name__ == "__main__":
    main(*sys.argv[1:])
