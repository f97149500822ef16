"""One worker at a time: claim, renew and finish against threads, zombies and a model."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, connections
from django.db.backends.signals import connection_created
from django.utils import timezone

from errors import catalogue
from filesvc import claims
from filesvc.claims import Claim
from filesvc.models import Status
from tests.filesvc.claiming import ENDINGS, is_lapsed, lapse, row_of, take
from tests.filesvc.conftest import MakeFile
from tests.stack import wait_until

FINAL = [Status.PROCESSED, Status.FAILED, Status.QUARANTINED]


@pytest.mark.django_db(transaction=True)
def test_one_of_many_threads_gets_the_file(make_file: MakeFile) -> None:
    file, together = make_file(), threading.Barrier(8)

    def claim_at_once(_: int) -> Claim | None:
        together.wait(timeout=20)
        try:
            return claims.claim(file.id)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        held = [claim for claim in threads.map(claim_at_once, range(8)) if claim]

    assert [claim.fence for claim in held] == [1]
    assert (row_of(file)["attempts"], row_of(file)["fence"]) == (1, 1)


@pytest.mark.django_db
def test_a_worker_frozen_inside_its_claim_never_shares_a_fence(make_file: MakeFile) -> None:
    file, statements = make_file(), 0
    rivals: list[Claim] = []

    def overtake(execute: Any, sql: str, *rest: Any) -> Any:
        nonlocal statements
        statements += 1
        answer = execute(sql, *rest)
        if statements == 1:
            lapse(file)
            rivals.append(take(file))
        return answer

    with connection.execute_wrapper(overtake):
        ours = claims.claim(file.id)

    (rival,) = rivals
    assert ours is not None
    assert (ours.fence, rival.fence) == (1, 2)
    assert (claims.renew(ours), claims.renew(rival)) == (False, True)


@pytest.mark.django_db
def test_a_claim_tells_the_row_as_it_is_now(make_file: MakeFile) -> None:
    file = make_file(attempts=2, fence=7)

    held = take(file)

    row = row_of(file)
    assert (row["status"], row["attempts"], row["fence"]) == ("processing", 3, 8)
    assert (held.file.status, held.file.attempts, held.file.fence) == ("processing", 3, 8)
    assert held.fence == 8


@pytest.mark.django_db
@pytest.mark.parametrize("status", FINAL)
def test_a_file_in_a_final_state_cannot_be_claimed(make_file: MakeFile, status: str) -> None:
    file = make_file(status=status, lease_until=timezone.now() - timedelta(days=1))
    before = row_of(file)

    assert claims.claim(file.id) is None
    assert row_of(file) == before


@pytest.mark.django_db
def test_a_file_whose_lease_runs_cannot_be_claimed_and_one_whose_lease_lapsed_can(
    make_file: MakeFile,
) -> None:
    file = make_file()
    first = take(file)
    assert claims.claim(file.id) is None

    lapse(file)

    assert take(file).fence == first.fence + 1


@pytest.mark.django_db
def test_a_file_is_tried_five_times_at_most(make_file: MakeFile) -> None:
    file = make_file()

    for attempt in range(1, 6):
        assert take(file).file.attempts == attempt
        lapse(file)

    assert claims.claim(file.id) is None


@pytest.mark.django_db
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_worker_that_was_overtaken_can_do_nothing_any_more(
    make_file: MakeFile, ending: str
) -> None:
    file = make_file()
    zombie = take(file)
    lapse(file)
    successor = take(file)
    before = row_of(file)

    assert ENDINGS[ending](zombie) is False
    assert row_of(file) == before
    assert claims.finish(successor, {"kind": "text"}, has_preview=False) is True


@pytest.mark.django_db
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("first", ["finish", "fail", "release", "put_off"])
def test_a_claim_that_was_given_up_holds_no_more(
    make_file: MakeFile, first: str, ending: str
) -> None:
    held = take(make_file())
    assert ENDINGS[first](held) is True
    before = row_of(held.file)

    assert ENDINGS[ending](held) is False
    assert row_of(held.file) == before


@pytest.mark.django_db
def test_a_released_file_waits_anew_and_keeps_its_count(make_file: MakeFile) -> None:
    held = take(make_file(notified_at=timezone.now() - timedelta(days=1)))

    claims.release(held)

    row = row_of(held.file)
    assert (row["status"], row["attempts"], row["lease_until"]) == ("queued", 1, None)
    assert timezone.now() - row["notified_at"] < timedelta(minutes=5)


@pytest.mark.django_db
def test_a_file_that_is_put_off_waits_anew_and_has_its_try_back(make_file: MakeFile) -> None:
    file = make_file(attempts=4, notified_at=timezone.now() - timedelta(days=1))

    claims.put_off(take(file))

    row = row_of(file)
    assert (row["status"], row["attempts"], row["lease_until"]) == ("queued", 4, None)
    assert timezone.now() - row["notified_at"] < timedelta(minutes=5)
    assert take(file).file.attempts == 5


@pytest.mark.django_db
def test_a_failure_is_a_problem_without_its_http_parts(make_file: MakeFile) -> None:
    held = take(make_file(request_id="ab" * 16))

    claims.fail(held, catalogue.SourceMissing(note="/secret/path"))

    failure = row_of(held.file)["failure"]
    assert failure.pop("occurred_at").endswith("Z")
    assert failure == {
        "type": "/problems/source_missing",
        "title": "Source is missing",
        "code": "source_missing",
        "detail": "The stored bytes of this file are gone.",
        "retryable": False,
        "errors": [],
        "meta": {},
        "origin_request_id": "ab" * 16,
    }


@pytest.fixture
def renewings(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Future[None]]]:
    """What was begun to renew leases, in a pool of its own."""
    begun: list[Future[None]] = []

    class Told(ThreadPoolExecutor):
        def submit(self, *args: Any, **kwargs: Any) -> Any:
            begun.append(super().submit(*args, **kwargs))
            return begun[-1]

    with Told() as pool:
        monkeypatch.setattr(claims, "_renewals", pool)
        yield begun


@pytest.mark.django_db(transaction=True)
def test_a_lease_is_renewed_while_the_work_goes_on_and_not_after(
    make_file: MakeFile, renewings: list[Future[None]]
) -> None:
    held = take(make_file())

    with claims.kept_alive(held, renew_seconds=0.02):
        for _ in range(2):
            lapse(held.file)
            wait_until(lambda: not is_lapsed(held.file), 20, "the lease is renewed")

    lapse(held.file)
    assert is_lapsed(held.file)
    assert [renewing.done() for renewing in renewings] == [True]


@pytest.mark.django_db(transaction=True)
def test_a_database_that_fails_once_does_not_end_the_renewing(make_file: MakeFile) -> None:
    held = take(make_file())
    failed: list[str] = []

    def fail_once(execute: Any, sql: str, *rest: Any) -> Any:
        if not failed and sql.startswith("UPDATE"):
            failed.append(sql)
            raise OperationalError("the connection is gone")
        return execute(sql, *rest)

    def prepare(connection: Any, **kwargs: Any) -> None:
        connection.execute_wrappers.append(fail_once)

    connection_created.connect(prepare)  # the renewing thread makes a connection of its own
    try:
        with claims.kept_alive(held, renew_seconds=0.02):
            lapse(held.file)
            wait_until(lambda: not is_lapsed(held.file), 20, "the lease is renewed")
    finally:
        connection_created.disconnect(prepare)

    assert failed


@pytest.mark.django_db(transaction=True)
def test_a_lost_claim_is_not_renewed_any_more(
    make_file: MakeFile, renewings: list[Future[None]]
) -> None:
    zombie = take(make_file())
    lapse(zombie.file)
    take(zombie.file)
    lapse(zombie.file)

    with claims.kept_alive(zombie, renew_seconds=0.01):
        wait_until(lambda: renewings[0].done(), 20, "the renewing has ended")

    assert is_lapsed(zombie.file)
