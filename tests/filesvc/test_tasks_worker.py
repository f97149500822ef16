"""A real Celery worker on the real Redis, from the upload to the processed file."""

from __future__ import annotations

import base64
import json
import os
import pickle
import uuid
from pathlib import Path

import pytest

from filesvc.models import File
from tests import samples, stack
from tests.client import call, upload
from tests.faults.report import Report
from tests.filesvc.conftest import Doorbell
from tests.filesvc.processes import running_worker

pytestmark = pytest.mark.django_db(transaction=True)


def wait_for_queued_files() -> None:
    stack.wait_until(
        lambda: not File.objects.filter(status__in=["queued", "processing"]).exists(),
        60,
        "every file is in a final state",
    )


class Intruder:
    """What a pickled message would do if anybody loaded it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self._path),)


def pickled_message(path: Path) -> str:
    body = pickle.dumps(((Intruder(path),), {}, {}))
    properties = {
        "delivery_tag": str(uuid.uuid4()),
        "delivery_info": {"exchange": "", "routing_key": "celery"},
        "body_encoding": "base64",
    }
    return json.dumps(
        {
            "body": base64.b64encode(body).decode(),
            "content-type": "application/x-python-serialize",
            "content-encoding": "binary",
            "headers": {"task": "filesvc.process_file", "id": str(uuid.uuid4())},
            "properties": properties,
        }
    )


def test_a_worker_processes_what_was_uploaded(
    token: str, storage: Path, doorbell: Doorbell
) -> None:
    text = upload(token, b"hello world\n", "note.txt")
    image = upload(token, samples.image("PNG", (31, 7)), "a.png")
    assert len(doorbell.rung_for()) == 2

    with running_worker(storage):
        wait_for_queued_files()

    told = [call("GET", answer.headers["location"], token=token).json for answer in (text, image)]
    assert [file["status"] for file in told] == ["processed"] * 2
    assert [file["attempts"] for file in told] == [1, 1]
    assert (told[0]["metadata"]["words"], told[1]["metadata"]["width"]) == (2, 31)
    content = call("GET", told[0]["file"], token=token)
    assert (content.status, content.body) == (200, b"hello world\n")


@pytest.mark.fault(14, "one message is delivered five times")
def test_a_worker_gets_past_junk_duplicates_and_pickles(
    token: str, storage: Path, doorbell: Doorbell, report: Report
) -> None:
    trap = storage.parent / "trap"
    doorbell.client.lpush("celery", pickled_message(trap))
    answer = upload(token, b"hello")
    message = doorbell.client.lindex("celery", 0)
    doorbell.client.lpush("celery", *[message] * 3)
    last = upload(token, b"world")

    with running_worker(storage):
        wait_for_queued_files()

    attempts = {str(file.id): file.attempts for file in File.objects.all()}
    assert attempts == {answer.json["id"]: 1, last.json["id"]: 1}
    assert not trap.exists()
    report(saw="201", left="four messages too many")
