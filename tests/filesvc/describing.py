"""Has files described by a confined process, as a worker does, without a row or a queue."""

from __future__ import annotations

import contextlib
from pathlib import Path

from filesvc import sandbox
from filesvc.processors.subject import tell_nobody
from filesvc.sandbox import Answer, Report, Sandbox, describe_confined
from tests.filesvc.conftest import new_row

ODD = "tests.filesvc.odd_program"


def describe_file(
    content: bytes, folder: Path, report: Report = tell_nobody, media_type: str = "text/plain"
) -> Answer:
    """What the confined process of this one finds out about a file of these bytes."""
    path = folder / "described"
    path.write_bytes(content)
    with path.open("rb") as source:
        return describe_confined(new_row(content, media_type=media_type), source, report)


def current() -> Sandbox:
    """The confined process that is there now."""
    assert sandbox._sandbox is not None
    return sandbox._sandbox


def process_id() -> int:
    """Of the confined process that is there now."""
    return current()._process.pid


def open_descriptors() -> set[str]:
    """What this process has open: each number with what it leads to."""
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one that lists them
            found.add(f"{link.name} {link.readlink()}")
    return found


def state_of(pid: int) -> str | None:
    """The letter of the kernel, Z for a zombie; None when there is no such process."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return status.rpartition(")")[2].split()[0]
