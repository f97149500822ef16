"""The doorbell: what a ring carries, and how little one that fails may cost."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from filesvc import tasks
from filesvc.tasks import ring_doorbell
from security.circuit_breaker import CircuitBreaker
from tests.filesvc.conftest import Doorbell
from tests.stack import Server

BOUNDED_SECONDS = 5.0


def test_a_ring_carries_the_id_and_nothing_else(doorbell: Doorbell) -> None:
    ids = [uuid.uuid4(), uuid.uuid4()]

    assert [ring_doorbell(file_id) for file_id in ids] == [True, True]

    assert doorbell.rung_for() == ids


def test_a_ring_from_a_thread_of_its_own_arrives_too(doorbell: Doorbell) -> None:
    file_id = uuid.uuid4()

    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(ring_doorbell, file_id).result(timeout=20) is True

    assert doorbell.rung_for() == [file_id]


@pytest.mark.parametrize("fault", ["stopped", "frozen"])
def test_a_ring_that_fails_is_told_soon_and_not_repeated_until_the_rest_is_over(
    doorbell: Doorbell, servers: dict[str, Server], monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    now = [0.0]
    breaker = CircuitBreaker(tasks.DOORBELL_REST_SECONDS, clock=lambda: now[0])
    monkeypatch.setattr(tasks, "_doorbell_breaker", breaker)
    first, second, third = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    started = time.monotonic()

    with getattr(servers["redis"], fault)():
        assert ring_doorbell(first) is False
        assert time.monotonic() - started < BOUNDED_SECONDS
    now[0] += tasks.DOORBELL_REST_SECONDS - 0.1
    assert ring_doorbell(second) is False
    now[0] += 0.2
    assert ring_doorbell(third) is True

    # What a frozen Redis had already been sent, it may still take in afterwards.
    assert set(doorbell.rung_for()) - {first} == {third}
