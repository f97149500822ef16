"""The confined program with processors that do what their file says, however bad it is.

Run as `python -m tests.filesvc.odd_program` in the place of `filesvc.confined`. A file that
says nothing of the kind is described as any file is.
"""

from __future__ import annotations

import ctypes
import itertools
import json
import os
import struct
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from errors import catalogue
from filesvc import confined
from filesvc.frames import Question
from filesvc.processors.subject import Description, Subject
from filesvc.processors.whole import describe_whole

FORM = {"kind": "file", "size": 1, "media_type": "text/plain", "sha256": ""}
PREVIEW = b"RIFF\x04\x00\x00\x00WEBP"
MAX_WORD = 30
HOARD_BYTES = 4 * 1024**3
LARGE_BYTES = 2 * 1024**2
honest_serve = confined.serve


# --- processors -------------------------------------------------------------------------


def segfault(_: Subject) -> NoReturn:
    ctypes.string_at(0)
    raise AssertionError("the address 0 was read")


def hoard(_: Subject) -> NoReturn:
    raise AssertionError(len(bytearray(HOARD_BYTES)))


def sleep(_: Subject) -> NoReturn:
    while True:
        time.sleep(60)


def loop(_: Subject) -> NoReturn:
    while True:
        pass


def crash(_: Subject) -> NoReturn:
    raise RuntimeError("planted-text-of-an-exception")


def end_in_a_foreign_error(_: Subject) -> NoReturn:
    raise catalogue.StorageFull(note="not for a processor to say")


def end_in_corruption(_: Subject) -> NoReturn:
    raise catalogue.CorruptContent(note="cut short")


def flood(subject: Subject) -> NoReturn:
    for percent in itertools.cycle(range(101)):
        subject.report("flooding", percent)
    raise AssertionError("a circle has no end")


def doze(subject: Subject) -> NoReturn:
    """Deaf to the socket: only the kernel ends it when its parent is gone."""
    subject.report("dozing", 1)
    sleep(subject)


def chatter(subject: Subject) -> Description:
    """What libraries do with what they find strange."""
    sys.stdout.write("found " * 10_000)
    sys.stderr.write("strange " * 10_000)
    os.write(1, bytes(100_000))
    return describe_whole(subject)


def refuse(subject: Subject) -> Description:
    refusal = catalogue.ActiveContent(note="a macro")
    return Description(describe_whole(subject).metadata, PREVIEW, refusal)


def picture(subject: Subject) -> Description:
    for percent in (0, 50, 100):
        subject.report("painting", percent)
    return Description(describe_whole(subject).metadata, PREVIEW)


PROCESSORS: dict[bytes, Callable[[Subject], Description]] = {
    told.__name__.encode(): told
    for told in (
        *(segfault, hoard, sleep, loop, crash, doze, flood, chatter, refuse, picture),
        *(end_in_a_foreign_error, end_in_corruption),
    )
}


# --- answers of a process that was taken over ---------------------------------------------


def answering(**told: Any) -> Callable[[Connection], None]:
    """One frame of this."""
    return lambda answers: answers.send_bytes(json.dumps(told).encode())


def with_preview(preview: bytes | None) -> Callable[[Connection], None]:
    """A description that promises a preview, and what comes as one."""

    def answer(answers: Connection) -> None:
        answering(metadata=FORM, has_preview=True)(answers)
        if preview is not None:
            answers.send_bytes(preview)

    return answer


def error(code: str, **meta: Any) -> dict[str, Any]:
    return {"code": code, "meta": meta, "note": ""}


def answer_half(answers: Connection) -> None:
    os.write(answers.fileno(), struct.pack("!i", 100) + b"{")


def drip(answers: Connection) -> None:
    os.write(answers.fileno(), struct.pack("!i", 1_000_000))
    while True:
        os.write(answers.fileno(), b"{")
        time.sleep(0.1)


ANSWERS: dict[bytes, Callable[[Connection], Any]] = {
    b"garbage": lambda answers: answers.send_bytes(b"\xff\x00 no JSON"),
    b"wild": lambda answers: os.write(answers.fileno(), b"GET / HTTP/1.1\r\n\r\n"),
    b"half": answer_half,
    b"drip": drip,
    b"nothing": lambda answers: None,
    b"exit": lambda answers: os._exit(0),
    b"ready": answering(is_ready=True),
    b"formless": answering(metadata={"kind": "file"}),
    b"extra": answering(metadata=FORM | {"path": "/etc/passwd"}),
    b"nul": answering(metadata=FORM | {"media_type": "\0"}),
    b"unknown error": answering(error=error("no_such_code")),
    b"forged error": answering(error=error("corrupt_content", retry_after_seconds=9)),
    b"forged refusal": answering(metadata=FORM, refusal=error("storage_full")),
    b"no preview": with_preview(None),
    b"large preview": with_preview(PREVIEW + bytes(LARGE_BYTES)),
    b"forged preview": with_preview(b"<svg onload='alert(1)'/>"),
}


def describe_oddly(subject: Subject) -> Description:
    """As the file says."""
    process = PROCESSORS.get(subject.source.read(MAX_WORD), describe_whole)
    return process(subject)


def serve_oddly(answers: Connection, question: Question, descriptor: int) -> None:
    """As the file says."""
    answer = ANSWERS.get(os.pread(descriptor, MAX_WORD, 0))
    if answer is None:
        honest_serve(answers, question, descriptor)
    else:
        os.close(descriptor)
        answer(answers)


if __name__ == "__main__":
    confined.describe = describe_oddly  # type: ignore[attr-defined]  # as it calls it
    confined.serve = serve_oddly
    confined.main()
