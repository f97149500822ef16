"""The process that parses untrusted files: receives one at a time, reports what is in it.

Started by `filesvc.sandbox` with nothing but a socket; it holds no secret, knows no database
and ends when the other side does.
"""

from __future__ import annotations

import os
import socket
import sys
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection

from errors.base import ServiceError
from filesvc.confinement import confine, end_with_parent
from filesvc.frames import MAX_TRACEBACK, Question, Told, tell_error
from filesvc.processors import describe
from filesvc.processors.subject import Description, Subject

QUESTION_BYTES = 4096
# Leaves without a word: what ran out of memory can promise nothing.
OUT_OF_MEMORY = 77


def main() -> None:
    """Lock the door, say so, and serve until the other side hangs up."""
    descriptor, memory_bytes = int(sys.argv[1]), int(sys.argv[2])
    end_with_parent()
    channel = socket.socket(fileno=descriptor)
    answers = Connection(os.dup(descriptor))
    nowhere = os.open(os.devnull, os.O_RDWR)
    confine(memory_bytes)
    for stream in (0, 1, 2):  # libraries print what they make of a file
        os.dup2(nowhere, stream)
    send(answers, Told(is_ready=True))
    while asked := receive(channel):
        serve(answers, *asked)


def receive(channel: socket.socket) -> tuple[Question, int] | None:
    """The next question and the descriptor of its file; None when nobody asks any more."""
    line, descriptors, _, _ = socket.recv_fds(channel, QUESTION_BYTES, 1)
    return (Question.model_validate_json(line), descriptors[0]) if line else None


def serve(answers: Connection, question: Question, descriptor: int) -> None:
    """Answer one question, whatever becomes of it."""
    try:
        with os.fdopen(descriptor, "rb") as source:
            subject = Subject(**question.model_dump(), source=source, report=reporter(answers))
            description = describe(subject)
    except ServiceError as error:
        send(answers, Told(error=tell_error(error)))
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except Exception:  # noqa: BLE001 - the border of this process: the other side logs it
        send(answers, Told(crash=traceback.format_exc()[-MAX_TRACEBACK:]))
    else:
        send_description(answers, description)


def reporter(answers: Connection) -> Callable[[str, int], None]:
    """How a processor tells how far it is."""
    return lambda stage, percent: send(answers, Told(progress=(stage, percent)))


def send_description(answers: Connection, description: Description) -> None:
    """What was found; a preview follows as a frame of its own."""
    told = Told.model_validate(
        {
            "metadata": description.metadata,
            "refusal": tell_error(description.refusal) if description.refusal else None,
            "has_preview": description.preview is not None,
        }
    )
    send(answers, told)
    if description.preview is not None:
        answers.send_bytes(description.preview)


def send(answers: Connection, told: Told) -> None:
    """One frame."""
    answers.send_bytes(told.model_dump_json(exclude_none=True).encode())


if __name__ == "__main__":
    main()
