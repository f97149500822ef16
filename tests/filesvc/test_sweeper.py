"""The sweeper's rounds: each repair when it is due, whatever is away, until it is told to stop."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection, connections

from errors.metrics import REPAIRS
from filesvc import sweeper
from filesvc.repairs.repair import Repair
from filesvc.sweeper import Rounds, plan_sweep, sweep_forever, sweep_once
from tests.filesvc.claiming import row_of
from tests.filesvc.conftest import Doorbell, MakeFile
from tests.filesvc.repairs.repairing import age
from tests.stack import wait_until


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Shelf:
    """Things to repair, and what was done to them."""

    def __init__(self, *found: str) -> None:
        self.found = list(found)
        self.mended: list[str] = []

    def find(self) -> list[str]:
        return list(self.found)

    def mend(self, item: str) -> bool:
        self.found.remove(item)
        self.mended.append(item)
        return True


def set_repairs(monkeypatch: pytest.MonkeyPatch, *repairs: Repair) -> None:
    monkeypatch.setattr(sweeper, "REPAIRS", repairs)


def test_a_repair_is_done_as_often_as_it_is_due() -> None:
    clock, often, seldom = Clock(), Shelf(*"abcd"), Shelf(*"abcd")
    find_one = [lambda shelf=shelf: shelf.found[:1] for shelf in (often, seldom)]
    repairs = (
        Repair("often", 5, find_one[0], often.mend),
        Repair("seldom", 60, find_one[1], seldom.mend),
    )
    rounds = Rounds(repairs, clock)

    for _ in range(3):
        rounds.sweep()
        clock.now += 5

    assert (often.mended, seldom.mended) == (["a", "b", "c"], ["a"])


def test_what_is_found_by_its_age_is_found_twice_before_it_goes() -> None:
    clock, shelf = Clock(), Shelf("old")
    repair = Repair("remove", 5, shelf.find, shelf.mend, confirm_seconds=600)
    rounds = Rounds([repair], clock)

    rounds.sweep()
    clock.now += 300
    shelf.found.append("new")
    rounds.sweep()
    assert shelf.mended == []
    clock.now += 300
    rounds.sweep()

    assert (shelf.mended, shelf.found) == (["old"], ["new"])


def test_what_was_not_found_in_between_is_waited_for_anew() -> None:
    clock, shelf = Clock(), Shelf("old")
    repair = Repair("remove", 5, shelf.find, shelf.mend, confirm_seconds=600)
    rounds = Rounds([repair], clock)

    for found in (["old"], [], ["old"]):
        shelf.found = found
        rounds.sweep()
        clock.now += 400

    assert shelf.mended == []


@pytest.mark.parametrize("error", [OSError("away"), OperationalError("away")])
def test_a_repair_that_cannot_be_done_holds_up_no_other_and_is_tried_again(
    log_events: list[dict[str, Any]], error: Exception
) -> None:
    clock, shelf, calls = Clock(), Shelf("a"), []

    def fail() -> list[str]:
        calls.append(clock.now)
        raise error

    repairs = (
        Repair("broken", 3600, fail, shelf.mend),
        Repair("fine", 5, shelf.find, shelf.mend),
    )
    rounds = Rounds(repairs, clock)

    rounds.sweep()
    clock.now += 5
    rounds.sweep()

    assert (shelf.mended, len(calls)) == (["a"], 2)
    failed = [event for event in log_events if event["event"] == "sweep.failed"]
    assert [event["repair"] for event in failed] == ["broken", "broken"]


@pytest.mark.parametrize(("is_alarming", "level"), [(True, "error"), (False, "info")])
def test_every_repair_is_a_log_line_and_a_count(
    monkeypatch: pytest.MonkeyPatch,
    log_events: list[dict[str, Any]],
    level: str,
    *,
    is_alarming: bool,
) -> None:
    shelf = Shelf("a", "b")
    set_repairs(monkeypatch, Repair("tried", 5, shelf.find, shelf.mend, is_alarming=is_alarming))
    counter = REPAIRS.labels(repair="tried")
    before = counter._value.get()

    assert sweep_once() == 2

    assert counter._value.get() - before == 2
    (event,) = [event for event in log_events if event["event"] == "sweep.repaired"]
    assert (event["repair"], event["count"], event["level"]) == ("tried", 2, level)


def test_a_round_that_finds_nothing_says_nothing(
    monkeypatch: pytest.MonkeyPatch, log_events: list[dict[str, Any]]
) -> None:
    shelf = Shelf()
    set_repairs(monkeypatch, Repair("tried", 5, shelf.find, shelf.mend))

    assert sweep_once() == 0

    assert log_events == []


@pytest.mark.django_db
def test_a_plan_names_what_would_be_done_and_does_nothing(
    make_file: MakeFile, doorbell: Doorbell
) -> None:
    waiting, used_up = make_file(), make_file(attempts=5)
    age(waiting)
    before = [row_of(waiting), row_of(used_up)]

    plan = list(plan_sweep())

    assert plan == [f"give_up {used_up.id}", f"ring_again {waiting.id}"]
    assert (doorbell.rung_for(), [row_of(waiting), row_of(used_up)]) == ([], before)


@contextlib.contextmanager
def sweeping(every_seconds: float) -> Iterator[threading.Thread]:
    stop = threading.Event()

    def run() -> None:
        try:
            sweep_forever(stop, every_seconds)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(timeout=20)
        assert not thread.is_alive()


@pytest.mark.django_db(transaction=True)
def test_the_sweeper_outlives_a_database_that_fails(
    make_file: MakeFile, doorbell: Doorbell, log_events: list[dict[str, Any]]
) -> None:
    file = make_file()
    age(file)
    rename("filesvc_file", "filesvc_file_away")
    try:
        with sweeping(every_seconds=0.01) as thread:
            wait_until(
                lambda: "sweep.failed" in [event["event"] for event in log_events], 20, "it fails"
            )
            assert thread.is_alive()
            rename("filesvc_file_away", "filesvc_file")
            wait_until(lambda: doorbell.rung_for() == [file.id], 20, "it rings")
    finally:
        if "filesvc_file" not in connection.introspection.table_names():
            rename("filesvc_file_away", "filesvc_file")


@pytest.mark.django_db(transaction=True)
def test_the_sweeper_is_stopped_in_the_middle_of_its_wait(
    make_file: MakeFile, doorbell: Doorbell
) -> None:
    file = make_file()
    age(file)

    with sweeping(every_seconds=3600) as thread:
        wait_until(lambda: doorbell.rung_for() == [file.id], 20, "the first round is done")
        assert thread.is_alive()


@pytest.mark.django_db(transaction=True)
def test_a_ring_waits_for_no_store_that_takes_its_time(
    make_file: MakeFile, doorbell: Doorbell, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_listing, is_listed = threading.Event(), threading.Event()

    def list_slowly() -> list[str]:
        is_listing.set()
        is_listed.wait(60)
        return []

    slow = Repair("slow", 5, list_slowly, Shelf().mend)
    monkeypatch.setattr(sweeper, "STORE_REPAIRS", [slow])
    with sweeping(every_seconds=0.05):
        try:
            assert is_listing.wait(20)
            file = make_file()
            age(file)
            wait_until(lambda: doorbell.rung_for() == [file.id], 20, "it rings")
        finally:
            is_listed.set()

    assert not [one for one in threading.enumerate() if one.name.startswith("sweep-queue")]


@pytest.mark.parametrize("name", ["QUEUE_REPAIRS", "STORE_REPAIRS"])
def test_half_a_sweeper_does_not_go_on(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def fail() -> list[str]:
        raise RuntimeError("nobody expects this")

    monkeypatch.setattr(sweeper, "QUEUE_REPAIRS", [])
    monkeypatch.setattr(sweeper, "STORE_REPAIRS", [])
    monkeypatch.setattr(sweeper, name, [Repair("broken", 5, fail, Shelf().mend)])

    with pytest.raises(RuntimeError, match="nobody expects this"):
        sweep_forever(threading.Event(), every_seconds=3600)


def rename(old: str, new: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {old} RENAME TO {new}")
