"""Room for one more upload: refused before its body is read when disk or queue have none."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from django.test.utils import CaptureQueriesContext

from errors import catalogue
from filesvc import head_room
from filesvc.head_room import check_head_room, free_bytes, make_backlog
from filesvc.models import Status
from tests.client import call, upload
from tests.conftest import assert_nothing_kept, assert_problem
from tests.filesvc.conftest import MakeFile

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_backlog")]


@pytest.fixture
def fresh_backlog(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an earlier test counted is forgotten."""
    monkeypatch.setattr(head_room, "backlog", make_backlog())


def test_the_free_bytes_are_those_of_the_store(storage: Path) -> None:
    assert abs(free_bytes() - shutil.disk_usage(storage).free) < 64 * 1024 * 1024


@pytest.mark.parametrize(("spare_bytes", "fits"), [(1, True), (0, True), (-1, False)])
def test_an_upload_must_leave_the_least_of_free_bytes(
    settings: Any, monkeypatch: pytest.MonkeyPatch, spare_bytes: int, *, fits: bool
) -> None:
    settings.MIN_FREE_BYTES = 1000
    monkeypatch.setattr(head_room, "free_bytes", lambda: 1000 + 50 + spare_bytes)

    if fits:
        check_head_room(None, 50)
    else:
        with pytest.raises(catalogue.Overloaded) as refusal:
            check_head_room(None, 50)
        assert refusal.value.note == "disk"


@pytest.mark.parametrize(("waiting", "fits"), [(2, True), (3, False)])
def test_with_more_files_waiting_than_the_cap_no_more_are_taken_in(
    settings: Any, make_file: MakeFile, waiting: int, *, fits: bool
) -> None:
    settings.MAX_BACKLOG_FILES = 2
    for _ in range(waiting):
        make_file()
    for status in (Status.PROCESSED, Status.FAILED, Status.PROCESSING):
        make_file(status=status)

    if fits:
        check_head_room(None, 1)
    else:
        with pytest.raises(catalogue.Overloaded, match="backlog"):
            check_head_room(None, 1)


def test_the_backlog_is_asked_for_at_most_once_a_second(
    make_file: MakeFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import connection

    now = [100.0]
    monkeypatch.setattr("filesvc.shared_answers.time.monotonic", lambda: now[0])
    backlog = make_backlog()
    make_file()
    with CaptureQueriesContext(connection) as queries:
        assert [backlog.tell().answer for _ in range(5)] == [1] * 5
        make_file()
        now[0] += 0.9
        assert backlog.tell().answer == 1
        now[0] += 0.2
        assert backlog.tell().answer == 2

    assert sum("COUNT" in query["sql"] for query in queries) == 2


@pytest.mark.parametrize(("waiting", "fits"), [(2, True), (3, False)])
def test_one_owner_takes_a_quarter_of_the_queue_at_most(
    settings: Any, make_file: MakeFile, waiting: int, *, fits: bool
) -> None:
    settings.MAX_BACKLOG_FILES = 8
    for _ in range(waiting):
        greedy = make_file(owner="greedy").owner
    modest = make_file(owner="modest").owner

    check_head_room(modest)
    if fits:
        check_head_room(greedy)
    else:
        with pytest.raises(catalogue.Overloaded, match="owner"):
            check_head_room(greedy)


def test_a_file_is_sent_back_to_no_queue_that_is_full(
    token: str, settings: Any, make_file: MakeFile
) -> None:
    settings.MAX_BACKLOG_FILES = 1
    file = make_file(status=Status.FAILED)
    for _ in range(2):
        make_file()

    answer = call("POST", f"{file.path}reprocess/", token=token)

    assert_problem(answer, 503, "overloaded")
    file.refresh_from_db()
    assert file.status == Status.FAILED


def test_a_refusal_for_want_of_room_is_told_before_the_body_is_read(
    token: str, settings: Any, storage: Path
) -> None:
    settings.MIN_FREE_BYTES = 2**62

    answers = [upload(token, b"hello") for _ in range(12)]

    for answer in answers:
        problem = assert_problem(answer, 503, "overloaded")
        assert 5 <= problem["retry_after"] <= 15
    assert len({answer.json["retry_after"] for answer in answers}) > 1
    assert_nothing_kept(storage)
    assert call("GET", "/health/live").status == 200
