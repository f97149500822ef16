"""The queue's repairs: what waits too long is rung for, what was tried too often is given up."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.db.models.functions import Now
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from filesvc import claims
from filesvc.models import File, Status
from filesvc.repairs import queue
from filesvc.sweeper import sweep_once
from tests.filesvc.claiming import lapse, row_of, take
from tests.filesvc.conftest import Doorbell, MakeFile
from tests.filesvc.repairs.repairing import LONG_AGO, age, run_repair
from tests.stack import Server


@pytest.mark.django_db
@pytest.mark.parametrize(("waited_seconds", "is_rung"), [(20, False), (40, True)])
def test_a_file_that_waits_longer_than_half_a_minute_is_rung_for(
    make_file: MakeFile, doorbell: Doorbell, waited_seconds: int, *, is_rung: bool
) -> None:
    file = make_file()
    age(file, waited_seconds)

    sweep_once()

    assert doorbell.rung_for() == ([file.id] if is_rung else [])


@pytest.mark.django_db
def test_a_file_is_rung_for_once_and_not_again_at_once(
    make_file: MakeFile, doorbell: Doorbell
) -> None:
    file = make_file()
    age(file)

    assert [run_repair("ring_again"), run_repair("ring_again")] == [1, 0]

    assert doorbell.rung_for() == [file.id]
    assert timezone.now() - row_of(file)["notified_at"] < timedelta(minutes=5)


@pytest.mark.django_db
def test_a_file_whose_ring_was_timed_by_the_database_is_rung_for(
    make_file: MakeFile, doorbell: Doorbell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "RING_AGAIN_SECONDS", -1)
    file = make_file(notified_at=Now())

    assert run_repair("ring_again") == 1
    assert doorbell.rung_for() == [file.id]


@pytest.mark.django_db
def test_a_file_whose_worker_let_its_lease_lapse_is_rung_for(
    make_file: MakeFile, doorbell: Doorbell
) -> None:
    file = make_file()
    take(file)
    age(file)
    assert run_repair("ring_again") == 0

    lapse(file)

    assert run_repair("ring_again") == 1
    assert doorbell.rung_for() == [file.id]


@pytest.mark.django_db
@pytest.mark.parametrize("status", [Status.PROCESSED, Status.FAILED, Status.QUARANTINED])
def test_a_file_in_a_final_state_is_left_alone(
    make_file: MakeFile, doorbell: Doorbell, status: str
) -> None:
    file = make_file(status=status, attempts=5)
    age(file)
    before = row_of(file)

    sweep_once()

    assert doorbell.rung_for() == []
    assert row_of(file) == before


@pytest.mark.django_db
def test_the_one_that_waits_longest_is_rung_for_first(
    make_file: MakeFile, doorbell: Doorbell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "BATCH", 2)
    young, old, middle = make_file(), make_file(), make_file()
    for file, seconds in ((young, 100), (old, 300), (middle, 200)):
        age(file, seconds)

    assert [run_repair("ring_again"), run_repair("ring_again")] == [2, 1]

    assert doorbell.rung_for() == [old.id, middle.id, young.id]


@pytest.mark.django_db
@pytest.mark.parametrize("queue_name", ["celery", "celery\x06\x163", "celery\x06\x169"])
def test_nobody_is_rung_for_while_the_workers_have_enough_to_hear(
    make_file: MakeFile, doorbell: Doorbell, monkeypatch: pytest.MonkeyPatch, queue_name: str
) -> None:
    monkeypatch.setattr(queue, "BATCH", 3)
    file = make_file()
    age(file)
    doorbell.client.lpush(queue_name, *["a ring"] * 4)
    before = row_of(file)

    assert run_repair("ring_again") == 0

    assert (row_of(file), doorbell.client.llen(queue_name)) == (before, 4)
    doorbell.client.rpop(queue_name)
    assert run_repair("ring_again") == 1


@pytest.mark.django_db
def test_a_broker_that_was_emptied_is_rung_for_what_it_lost(
    make_file: MakeFile, doorbell: Doorbell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "BATCH", 3)
    files = [make_file() for _ in range(5)]
    for seconds, file in enumerate(reversed(files)):
        age(file, 100 + seconds)
    doorbell.client.lpush("celery", *["a ring"] * 4)
    assert run_repair("ring_again") == 0

    doorbell.client.flushdb()

    assert run_repair("ring_again") == 3
    assert doorbell.rung_for() == [file.id for file in files[:3]]


@pytest.mark.django_db
def test_a_ring_that_does_not_go_through_counts_for_nothing(
    make_file: MakeFile, doorbell: Doorbell, servers: dict[str, Server]
) -> None:
    files = [make_file() for _ in range(3)]
    for file in files:
        age(file)
    before = [row_of(file) for file in files]

    with servers["redis"].stopped():
        assert run_repair("ring_again") == 0

    assert [row_of(file) for file in files] == before


@pytest.mark.django_db
@pytest.mark.parametrize("status", [Status.QUEUED, Status.PROCESSING])
def test_a_file_whose_five_tries_are_used_up_is_given_up(
    make_file: MakeFile, doorbell: Doorbell, status: str
) -> None:
    file = make_file(
        status=status, attempts=5, lease_until=timezone.now() - LONG_AGO, request_id="ab" * 16
    )
    age(file)

    assert run_repair("give_up") == 1

    row = row_of(file)
    assert (row["status"], row["failure"]["code"]) == ("failed", "processing_lost")
    assert (row["failure"]["retryable"], row["lease_until"]) == (True, None)
    assert row["failure"]["origin_request_id"] == "ab" * 16
    assert doorbell.rung_for() == []


@pytest.mark.django_db
def test_a_fifth_try_that_is_still_under_way_is_let_finish(make_file: MakeFile) -> None:
    held = take(make_file(attempts=4))

    assert run_repair("give_up") == 0

    assert claims.finish(held, {}, has_preview=False) is True


@pytest.mark.django_db
def test_a_file_that_moved_on_while_it_was_looked_at_is_not_given_up(make_file: MakeFile) -> None:
    file = make_file(attempts=5, status=Status.PROCESSING, fence=5)
    moved: list[bool] = []
    lapse(file)

    def finish_first(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("UPDATE") and not moved:
            moved.append(True)
            assert claims.finish(claims.Claim(file, 5), {}, has_preview=False)
        return execute(sql, *rest)

    with connection.execute_wrapper(finish_first):
        assert run_repair("give_up") == 0

    assert row_of(file)["status"] == "processed"


@pytest.mark.django_db
@pytest.mark.property
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "status": st.sampled_from(Status.values),
                "attempts": st.integers(0, 5),
                "waited_seconds": st.sampled_from([0, 3600]),
                "leased_seconds": st.sampled_from([-3600, 3600]),
            }
        ),
        max_size=6,
    )
)
def test_a_sweep_rings_for_and_gives_up_exactly_what_it_should(
    make_file: MakeFile, doorbell: Doorbell, rows: list[dict[str, Any]]
) -> None:
    File.objects.all().delete()
    doorbell.client.flushdb()
    now, expected, rung = timezone.now(), {}, set()
    for row in rows:
        status, attempts = row["status"], row["attempts"]
        is_free = status == "queued" or (status == "processing" and row["leased_seconds"] < 0)
        file = make_file(
            status=status,
            attempts=attempts,
            notified_at=now - timedelta(seconds=row["waited_seconds"]),
            lease_until=now + timedelta(seconds=row["leased_seconds"]),
        )
        expected[file.id] = "failed" if is_free and attempts == 5 else status
        if is_free and attempts < 5 and row["waited_seconds"]:
            rung.add(file.id)

    sweep_once()

    assert dict(File.objects.values_list("id", "status")) == expected
    assert set(doorbell.rung_for()) == rung
    assert len(doorbell.rung_for()) == len(rung)


@pytest.mark.django_db(transaction=True)
def test_two_sweepers_at_once_ring_once_for_each_file(
    make_file: MakeFile, doorbell: Doorbell
) -> None:
    files = [make_file() for _ in range(20)]
    for file in files:
        age(file)
    together = threading.Barrier(2)

    def sweep_at_once(_: int) -> int:
        together.wait(timeout=20)
        try:
            return run_repair("ring_again")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as threads:
        rung = list(threads.map(sweep_at_once, range(2)))

    assert sum(rung) == len(files)
    assert sorted(doorbell.rung_for()) == sorted(file.id for file in files)
