"""Could a worker here open a file at all?"""

from __future__ import annotations

from collections.abc import Iterator

from errors import catalogue
from filesvc.doctor.finding import Finding, fail, ok
from filesvc.sandbox import PROGRAM, Sandbox


def examine_confinement() -> Iterator[Finding]:
    """The process that opens strangers' files starts and gives up what it could do harm with."""
    try:
        Sandbox(PROGRAM).stop()
    except catalogue.ProcessingDependencyUnavailable as error:
        yield fail(
            "confinement",
            f"no file can be processed here: {error.note}",
            "allow filters of system calls (seccomp), and PROCESSING_MEMORY_BYTES of address space",
        )
    else:
        yield ok("confinement", "the process that opens files starts and is confined")
