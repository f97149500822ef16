"""Uploads at the same moment: the last place of a quota goes to one, a slot to whoever has it."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from django.db import connection

from filesvc import intake
from filesvc.models import DailyUsage, File, StoredUsage
from security.concurrency import ClientSlots
from tests.client import Answer, file_part, form, post_form, upload
from tests.conftest import assert_problem
from tests.stack import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

UPLOADS = 50
Sent = TypeVar("Sent")
BODY = form(file_part(b"hello"))


class Stalled(io.BytesIO):
    """A body of which not a byte comes until it is told to."""

    def __init__(self, arrivals: list[int], go_on: threading.Event) -> None:
        super().__init__(BODY)
        self._arrivals, self._go_on = arrivals, go_on

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() == 0:
            self._arrivals.append(1)
            assert self._go_on.wait(60)
        return super().read(size)


def with_own_connection(send: Callable[[], Sent]) -> Sent:
    try:
        return send()
    finally:
        connection.close()


def upload_at_once(token: str, count: int) -> list[Answer]:
    gate = threading.Barrier(count)

    def send() -> Answer:
        gate.wait(60)
        return upload(token, b"hello")

    with ThreadPoolExecutor(count) as threads:
        started = [threads.submit(with_own_connection, send) for _ in range(count)]
        return [future.result() for future in started]


@pytest.fixture
def room_for_all(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that takes as many uploads at once as are sent here."""
    settings.MAX_INFLIGHT_UPLOADS = UPLOADS
    monkeypatch.setattr(intake, "client_slots", ClientSlots(UPLOADS))
    monkeypatch.setattr("config.wsgi.application._entrance", ClientSlots(UPLOADS))


@pytest.mark.usefixtures("room_for_all")
@pytest.mark.parametrize(
    ("limits", "status", "code"),
    [
        ({"QUOTA_FILES_PER_DAY": 2}, 429, "quota_exceeded"),
        ({"QUOTA_BYTES_PER_DAY": 10}, 429, "quota_exceeded"),
        ({"QUOTA_STORED_BYTES": 10}, 403, "storage_quota_exceeded"),
    ],
)
def test_of_fifty_uploads_at_once_one_gets_the_last_place(
    token: str, settings: Any, limits: dict[str, int], status: int, code: str
) -> None:
    for name, limit in limits.items():
        setattr(settings, name, limit)
    assert upload(token, b"hello").status == 201

    answers = upload_at_once(token, UPLOADS)

    refused = [answer for answer in answers if answer.status != 201]
    assert len(refused) == UPLOADS - 1
    for answer in refused:
        assert_problem(answer, status, code)
    assert File.objects.count() == 2


@pytest.mark.usefixtures("room_for_all")
def test_of_the_first_uploads_of_a_day_no_more_are_taken_than_there_are_places(
    token: str, settings: Any
) -> None:
    settings.QUOTA_FILES_PER_DAY, settings.QUOTA_STORED_BYTES = 7, 1000

    answers = upload_at_once(token, UPLOADS)

    assert sorted({answer.status for answer in answers}) == [201, 429]
    assert File.objects.count() == 7
    assert [(row.files, row.sent_bytes) for row in DailyUsage.objects.all()] == [(7, 35)]
    assert [row.stored_bytes for row in StoredUsage.objects.all()] == [35]


def test_one_owner_has_so_many_uploads_under_way_and_another_has_others(
    make_token: Callable[..., str], settings: Any
) -> None:
    settings.MAX_INFLIGHT_UPLOADS = 3
    alice, bob = make_token("alice"), make_token("bob")
    arrivals, go_on = list[int](), threading.Event()

    def stall() -> Answer:
        return post_form(alice, b"", stream=Stalled(arrivals, go_on), CONTENT_LENGTH=str(len(BODY)))

    with ThreadPoolExecutor(3) as threads:
        try:
            held = [threads.submit(with_own_connection, stall) for _ in range(3)]
            wait_until(lambda: len(arrivals) == 3, 60, "three uploads are under way")
            for _ in range(2):
                problem = assert_problem(upload(alice, b"hello"), 429, "concurrency_limited")
                assert problem["meta"] == {"max_concurrent": 3}
                assert 1 <= problem["retry_after"] <= 4
            assert upload(bob, b"hello").status == 201
        finally:
            go_on.set()
        assert [future.result().status for future in held] == [201, 201, 201]
    assert upload(alice, b"hello").status == 201


def test_slots_come_back_whatever_became_of_their_uploads(token: str, settings: Any) -> None:
    settings.MAX_INFLIGHT_UPLOADS, settings.QUOTA_STORED_BYTES = 2, 5
    for _ in range(3):
        assert_problem(upload(token, b""), 422, "empty_file")
        assert_problem(upload(token, b"hello", "a.exe"), 422, "extension_not_allowed")
        assert_problem(upload(token, b"too much"), 403, "storage_quota_exceeded")
        cut = io.BytesIO(BODY[:-20])
        answer = post_form(token, b"", stream=cut, CONTENT_LENGTH=str(len(BODY)))
        assert_problem(answer, 400, "incomplete_body")

    assert upload(token, b"hello").status == 201
