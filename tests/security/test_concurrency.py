"""A process receives a limited number of uploads at a time, and says so at once beyond that."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from errors import catalogue
from security.concurrency import ClientSlots, OwnerSlots, client_slots, owner_slots
from tests.client import call, file_part, form, post_form, upload
from tests.conftest import assert_nothing_kept, assert_problem
from tests.security.conftest import Watched


@pytest.mark.property
@given(slots=st.integers(1, 4), turns=st.lists(st.booleans(), max_size=30))
def test_never_more_are_held_than_there_are(slots: int, turns: list[bool]) -> None:
    room = ClientSlots(slots)
    with contextlib.ExitStack() as all_of_them:
        held: list[contextlib.ExitStack] = []
        for takes in turns:
            if not takes and held:
                held.pop().close()
            elif takes and len(held) < slots:
                held.append(all_of_them.enter_context(contextlib.ExitStack()))
                held[-1].enter_context(room.take())
            elif takes:
                with pytest.raises(catalogue.Overloaded), room.take():
                    pass


@pytest.mark.property
@given(limit=st.integers(1, 3), turns=st.lists(st.tuples(st.booleans(), st.integers(1, 3))))
def test_each_owner_has_a_room_of_their_own(limit: int, turns: list[tuple[bool, int]]) -> None:
    room, count = OwnerSlots(), Counter[int]()
    with contextlib.ExitStack() as all_of_them:
        all_of_them.enter_context(override_settings(MAX_INFLIGHT_UPLOADS=limit))
        held: list[tuple[int, contextlib.ExitStack]] = []
        for takes, owner in turns:
            if not takes and held:
                gone, stack = held.pop(0)
                stack.close()
                count[gone] -= 1
            elif takes and count[owner] < limit:
                held.append((owner, all_of_them.enter_context(contextlib.ExitStack())))
                held[-1][1].enter_context(room.take(owner))
                count[owner] += 1
            elif takes:
                with pytest.raises(catalogue.ConcurrencyLimited) as refused, room.take(owner):
                    pass
                assert refused.value.max_concurrent == limit
    assert not room._held, "an owner without uploads is forgotten"


def test_a_slot_is_given_back_when_the_upload_fails() -> None:
    room = ClientSlots(1)
    for _ in range(3):
        with pytest.raises(catalogue.EmptyFile), room.take():
            raise catalogue.EmptyFile()

    with room.take():
        pass


def test_the_wait_that_is_told_is_spread() -> None:
    room = ClientSlots(1)
    waits = set()
    with room.take():
        for _ in range(200):
            with pytest.raises(catalogue.Overloaded) as refused, room.take():
                pass
            waits.add(refused.value.retry_after_seconds)

    assert waits == {1, 2, 3, 4}


def test_the_wait_an_owner_is_told_is_spread_too(settings: Any) -> None:
    settings.MAX_INFLIGHT_UPLOADS = 1
    room, waits = OwnerSlots(), set()
    with room.take(1):
        for _ in range(200):
            with pytest.raises(catalogue.ConcurrencyLimited) as refused, room.take(1):
                pass
            waits.add(refused.value.retry_after_seconds)

    assert waits == {1, 2, 3, 4}


def test_threads_never_hold_more_than_there_are() -> None:
    room, lock = ClientSlots(3), threading.Lock()
    now, most = [0], [0]
    gate = threading.Barrier(12)

    def work() -> None:
        gate.wait()
        for _ in range(200):
            with contextlib.suppress(catalogue.Overloaded), room.take():
                with lock:
                    now[0] += 1
                    most[0] = max(most[0], now[0])
                with lock:
                    now[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= most[0] <= 3
    assert now[0] == 0


# --- over HTTP ------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_full_process_refuses_uploads_unread_and_answers_everything_else(
    token: str, storage: Path, settings: Any, no_drain: None
) -> None:
    stream = Watched(body := form(file_part(b"x" * 100_000)))
    with contextlib.ExitStack() as held:
        for _ in range(settings.MAX_WAITING_CLIENTS):
            held.enter_context(client_slots.take())
        answer = post_form(token, body, stream=stream)
        assert call("GET", "/files/", token=token).status == 200
        assert call("GET", "/health/live").status == 200

    problem = assert_problem(answer, 503, "overloaded")
    assert 1 <= problem["retry_after"] <= 4
    assert stream.read_bytes == 0
    assert_nothing_kept(storage)
    assert upload(token, b"hello").status == 201


@pytest.mark.django_db
def test_one_owner_cannot_take_every_slot(
    make_token: Callable[..., str], settings: Any, no_drain: None
) -> None:
    settings.MAX_INFLIGHT_UPLOADS = 1
    alice, bob = make_token("alice"), make_token("bob")
    owner = get_user_model().objects.get(username="alice")
    stream = Watched(body := form(file_part(b"x" * 100_000)))
    with owner_slots.take(owner.pk):
        answer = post_form(alice, body, stream=stream)
        assert upload(bob, b"hello").status == 201

    problem = assert_problem(answer, 429, "concurrency_limited")
    assert problem["meta"] == {"max_concurrent": 1}
    assert stream.read_bytes == 0
    assert upload(alice, b"hello").status == 201


@pytest.mark.django_db
def test_refused_uploads_give_their_slots_back(token: str, settings: Any) -> None:
    for _ in range(settings.MAX_WAITING_CLIENTS + 2):
        assert_problem(upload(token, b""), 422, "empty_file")

    assert upload(token, b"hello").status == 201


def test_some_threads_stay_free_of_uploads(settings: Any) -> None:
    assert settings.MAX_WAITING_CLIENTS == settings.WEB_THREADS - 2
