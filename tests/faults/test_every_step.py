"""Each step of one upload fails, or is the last one of its process: answer, disk and rows agree.

The steps are counted in a first upload, so that a new one is tried as soon as it exists.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.db import OperationalError, connection

from filesvc.blobs import blob_path
from filesvc.head_room import make_backlog
from filesvc.models import File, IdempotencyKey
from filesvc.sweeper import sweep_once
from tests.client import Answer
from tests.conftest import PROBLEM, kept_files
from tests.faults.report import AFTER_AN_HOUR, Report
from tests.model.bench import Bench
from tests.model.crash import run_until_dead
from tests.model.steps import DISK, Steps, counted

pytestmark = pytest.mark.django_db(transaction=True)

CONTENT = b"a line of text\n" * 1000
KEY = "the-key-of-this-upload"
ON_DISK = {name for _, name in DISK}


@pytest.fixture
def bench(token: str, storage: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Bench:
    settings.UPLOAD_RATE = settings.ADDRESS_RATE = "1000000/s"
    made = Bench(token, storage)
    monkeypatch.setattr("filesvc.repairs.store.age_of", made.age_of)
    assert made.upload(CONTENT, None).status == 201  # folders, connections and caches are there
    made.clean()
    return made


def steps_of_one_upload(bench: Bench) -> list[str]:
    with nothing_is_remembered(), counted(Steps(), bench.storage) as steps:
        assert bench.upload(CONTENT, KEY).status == 201
    bench.clean()
    return steps.taken


def fail(name: str) -> None:
    """As the disk or the database would."""
    if name in ON_DISK:
        raise OSError(errno.EIO, "planted")
    raise OperationalError("planted")


@contextlib.contextmanager
def nothing_is_remembered() -> Iterator[None]:
    """No step is spared because an earlier upload took it."""
    with (
        mock.patch("filesvc.stores.folder._durable_folders", set()),
        mock.patch("filesvc.head_room.backlog", make_backlog()),
    ):
        yield


def assert_agreement(bench: Bench, answer: Answer, step: str) -> None:
    """201 means row and bytes; anything else means neither."""
    rows = list(File.objects.all())
    if answer.status == 201:
        (row,) = rows
        assert str(row.id) == answer.json["id"]
        assert blob_path(row.id).read_bytes() == CONTENT
        assert kept_files(bench.storage) == [blob_path(row.id)]
    else:
        PROBLEM.validate(answer.json)
        assert answer.status in (503, 507), (step, answer.body)
        assert rows == [], step


@pytest.mark.fault(39, "each step of an upload fails")
@pytest.mark.parametrize("moment", ["before", "after"])
def test_whichever_step_fails_answer_disk_and_rows_agree(
    bench: Bench, moment: str, report: Report
) -> None:
    steps = steps_of_one_upload(bench)
    refused = 0
    for number, name in enumerate(steps):
        with (
            nothing_is_remembered(),
            counted(Steps({(number, moment): fail}), bench.storage) as broken,
        ):
            answer = bench.upload(CONTENT, KEY)
        assert broken.taken[number] == name
        connection.close()
        assert_agreement(bench, answer, f"{number} {name}")
        refused += answer.status != 201
        bench.advance(71)
        again = bench.upload(CONTENT, KEY)
        assert again.status == 201, (number, name, again.body)
        assert File.objects.count() == 1
        bench.advance(2 * 3600)
        sweep_once()
        assert [path.name for path in kept_files(bench.storage)] == [File.objects.get().id.hex]
        bench.clean()
    assert refused > len(steps) / 2
    report(
        saw="201, 503 or 507", left="row and bytes with a 201, else neither", repaired=AFTER_AN_HOUR
    )


@pytest.mark.fault(23, "each step of an upload is the last of its process")
def test_whichever_step_is_its_last_a_retry_and_the_sweeper_make_it_whole(
    bench: Bench, report: Report
) -> None:
    steps = steps_of_one_upload(bench)
    for number, name in enumerate(steps):
        with_row = upload_and_die(bench, number)
        for row in File.objects.all():
            assert blob_path(row.id).read_bytes() == CONTENT, name
        bench.advance(71)
        again = bench.upload(CONTENT, KEY)
        assert again.status == 201, (number, name, again.body)
        assert ("idempotency-replayed" in again.headers) is with_row, (number, name)
        assert File.objects.count() == 1
        bench.advance(2 * 3600)
        sweep_once()
        assert [path.name for path in kept_files(bench.storage)] == [File.objects.get().id.hex]
        bench.clean()
    assert IdempotencyKey.objects.count() == 0
    report(
        saw="the connection is lost",
        left="nothing, or bytes, or row and bytes; a claimed key",
        repaired="by a retry after 70 s; bytes without a row after 1 h",
    )


def upload_and_die(bench: Bench, number: int) -> bool:
    """The process ends right before its n-th step; True when the row was there by then."""

    def upload(die: Callable[..., None]) -> None:
        with nothing_is_remembered(), counted(Steps({(number, "before"): die}), bench.storage):
            bench.upload(CONTENT, KEY)

    assert run_until_dead(upload)
    return bool(File.objects.exists())
