"""The same key several times at once: one request works, the others wait or hear its answer."""

from __future__ import annotations

import copy
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from errors import wsgi_guard
from filesvc import intake, keys
from filesvc.models import File, IdempotencyKey
from security.concurrency import ClientSlots
from tests.client import Answer, file_part, form, post_form
from tests.conftest import assert_nothing_kept, assert_problem, kept_files
from tests.faults.report import Report
from tests.filesvc import keying
from tests.filesvc.keying import assert_replayed, header, lapse, send
from tests.filesvc.test_quotas_parallel import Stalled, with_own_connection
from tests.security.conftest import Watched
from tests.stack import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE = 20
BODY = form(file_part(b"hello"))
CODE = "idempotency_key_in_progress"


@pytest.fixture(autouse=True)
def room_for_all(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that takes as many uploads at once as are sent here."""
    settings.MAX_INFLIGHT_UPLOADS = AT_ONCE
    monkeypatch.setattr(intake, "client_slots", ClientSlots(AT_ONCE))
    monkeypatch.setattr("config.wsgi.application._entrance", ClientSlots(AT_ONCE))


class UnderWay:
    """A request with the key, which has begun and whose body is still to come."""

    def __init__(self, token: str, body_class: type[Stalled] = Stalled) -> None:
        self._go_on = threading.Event()
        self._threads = ThreadPoolExecutor(1)
        arrivals = list[int]()
        body = body_class(arrivals, self._go_on)
        self._answer: Future[Answer] = self._threads.submit(
            with_own_connection,
            lambda: post_form(
                token, b"", stream=body, headers=header(), CONTENT_LENGTH=str(len(BODY))
            ),
        )
        wait_until(lambda: bool(arrivals), 60, "the first request waits for its body")

    def finish(self) -> Answer:
        """Let its body come, and hear its answer."""
        self._go_on.set()
        self._threads.shutdown()
        return self._answer.result(60)


class Vanishing(Stalled):
    """A client that is gone when its body should come."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() == 0:
            super().read(size)
            self.seek(1)
        return b""


@pytest.fixture
def start(token: str) -> Iterator[Callable[..., UnderWay]]:
    """Begin requests that are ended with the test."""
    started: list[UnderWay] = []

    def begin(**more: Any) -> UnderWay:
        started.append(UnderWay(token, **more))
        return started[-1]

    yield begin
    for request in started:
        request.finish()


def send_at_once(token: str, **more: Any) -> list[Answer]:
    gate = threading.Barrier(AT_ONCE)

    def one() -> Answer:
        gate.wait(60)
        return send(token, **more)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        futures = [threads.submit(with_own_connection, one) for _ in range(AT_ONCE)]
        return [future.result() for future in futures]


def assert_one_worked(answers: list[Answer]) -> None:
    """One made the file; the others were told to wait, or were told of that file."""
    done = [answer for answer in answers if answer.status == 201]
    (first,) = [answer for answer in done if "idempotency-replayed" not in answer.headers]
    for answer in answers:
        if answer.status != 201:
            assert_problem(answer, 409, CODE)
        elif answer is not first:
            assert_replayed(answer, first)
    assert [str(file.id) for file in File.objects.all()] == [first.json["id"]]


def test_while_the_first_is_under_way_the_second_is_told_to_wait_and_then_the_answer(
    token: str, start: Callable[..., UnderWay], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wsgi_guard, "MAX_DRAIN_BYTES", 0)
    under_way = start()
    body = Watched(BODY)

    second = post_form(token, BODY, stream=body, headers=header())

    problem = assert_problem(second, 409, CODE)
    assert (problem["retryable"], problem["retry_after"]) == (True, 2)
    assert body.read_bytes == 0
    first = under_way.finish()
    assert first.status == 201
    assert_replayed(send(token), first)


def test_another_key_and_another_owner_wait_for_nobody(
    token: str, make_token: Callable[..., str], start: Callable[..., UnderWay]
) -> None:
    start()

    assert send(token, key="another-key-of-hers").status == 201
    assert send(make_token("bob")).status == 201


@pytest.mark.fault(25, "twenty uploads with one key at once")
@pytest.mark.parametrize("rounds", range(3))
def test_of_twenty_at_once_one_makes_the_file(
    token: str, storage: Path, rounds: int, report: Report
) -> None:
    assert_one_worked(send_at_once(token))

    assert [path.read_bytes() for path in kept_files(storage)] == [b"hello"]
    report(
        saw="one 201; the others the same one, or 409 `idempotency_key_in_progress`",
        left="one row and its bytes",
    )


def test_of_twenty_that_find_a_lapsed_claim_one_takes_it_over(token: str, storage: Path) -> None:
    keying.claim(lease=keying.PAST)

    assert_one_worked(send_at_once(token))

    assert len(kept_files(storage)) == 1
    assert IdempotencyKey.objects.count() == 1


@pytest.mark.parametrize("end", [keying.lapse, keying.expire])
def test_of_twenty_take_overs_at_once_one_succeeds(
    make_token: Callable[..., str], end: Callable[[], None]
) -> None:
    row = keying.claim()
    end()
    gate = threading.Barrier(AT_ONCE)

    def take_over() -> bool:
        rival = copy.copy(row)
        rival.holder = uuid.uuid4()
        gate.wait(60)
        return keys.take_over(rival)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        futures = [threads.submit(with_own_connection, take_over) for _ in range(AT_ONCE)]
        taken = [future.result() for future in futures]

    assert sorted(taken) == [False] * (AT_ONCE - 1) + [True]


def test_of_twenty_that_find_an_expired_answer_one_makes_a_new_file(token: str) -> None:
    send(token, b"yesterday's")
    File.objects.all().delete()
    keying.expire()

    assert_one_worked(send_at_once(token))


def test_twenty_equal_refusals_at_once_are_one_refusal(token: str, storage: Path) -> None:
    answers = send_at_once(token, name="a.exe")

    assert {answer.code for answer in answers} <= {"extension_not_allowed", CODE}
    assert_nothing_kept(storage)
    assert IdempotencyKey.objects.get().status == 422


def test_a_request_that_outlives_its_lease_loses_to_its_successor(
    token: str, storage: Path, start: Callable[..., UnderWay]
) -> None:
    under_way = start()
    lapse()
    second = send(token)
    assert second.status == 201

    first = under_way.finish()

    assert_problem(first, 409, CODE)
    assert [str(file.id) for file in File.objects.all()] == [second.json["id"]]
    assert len(kept_files(storage)) == 1
    assert_replayed(send(token), second)


def test_a_request_that_outlives_its_lease_alone_still_counts(
    token: str, start: Callable[..., UnderWay]
) -> None:
    under_way = start()
    lapse()

    first = under_way.finish()

    assert first.status == 201
    assert_replayed(send(token), first)


def test_a_loser_s_refusal_is_not_its_successor_s(
    token: str, storage: Path, start: Callable[..., UnderWay]
) -> None:
    under_way = start(body_class=Vanishing)
    lapse()
    successor = start()

    assert_problem(under_way.finish(), 400, "incomplete_body")

    assert_problem(send(token), 409, CODE)
    assert successor.finish().status == 201


def test_a_client_that_vanishes_leaves_its_key_free(
    token: str, storage: Path, start: Callable[..., UnderWay]
) -> None:
    under_way = start(body_class=Vanishing)
    assert_problem(send(token), 409, CODE)

    assert_problem(under_way.finish(), 400, "incomplete_body")

    assert_nothing_kept(storage)
    assert send(token).status == 201
