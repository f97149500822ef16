"""One thread asks, and nobody lines up behind it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from errors import catalogue
from filesvc.shared_answers import SharedAnswer, Told
from security.concurrency import ClientSlots
from tests.stack import wait_until

GOOD_SECONDS, USABLE_SECONDS = 1.0, 5.0
BOUND_SECONDS = 10.0


class Question:
    """Counts how often it is asked; answers at once, or when it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.fails = False

    def __call__(self) -> int:
        self.asked += 1
        answer = self.asked
        assert self.may_answer.wait(BOUND_SECONDS)
        if self.fails:
            raise TimeoutError("nobody answered")
        return answer


@pytest.fixture
def question() -> Question:
    return Question()


@pytest.fixture
def threads(question: Question) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(32) as pool:
        yield pool
        question.may_answer.set()


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, to be moved on."""
    moment = [1000.0]
    monkeypatch.setattr("filesvc.shared_answers.time.monotonic", lambda: moment[0])
    return moment


def share(question: Question, room: ClientSlots | None = None) -> SharedAnswer[int]:
    return SharedAnswer(
        question, lambda answer: GOOD_SECONDS, usable_seconds=USABLE_SECONDS, room=room
    )


def is_full(room: ClientSlots) -> bool:
    if room.try_take():
        room.release()
        return False
    return True


def ask_slowly(
    shared: SharedAnswer[int], question: Question, threads: ThreadPoolExecutor
) -> Future[Told[int]]:
    """Somebody asks, and has no answer yet."""
    question.may_answer.clear()
    before = question.asked
    asking = threads.submit(shared.tell)
    wait_until(lambda: question.asked > before, BOUND_SECONDS, "somebody asks")
    return asking


def test_an_answer_is_told_again_while_it_is_good(question: Question, now: list[float]) -> None:
    shared = share(question)
    assert shared.tell().answer == 1
    now[0] += GOOD_SECONDS - 0.1
    told = shared.tell()

    assert (told.answer, round(told.age_seconds, 1)) == (1, 0.9)
    now[0] += 0.1
    assert (shared.tell().answer, shared.tell().age_seconds) == (2, 0.0)


def test_how_long_an_answer_is_good_depends_on_it(question: Question) -> None:
    shared = SharedAnswer(question, lambda answer: 0.0 if answer < 3 else BOUND_SECONDS)

    assert [shared.tell().answer for _ in range(5)] == [1, 2, 3, 3, 3]


def test_who_comes_while_it_is_asked_is_told_the_last_answer(
    question: Question, threads: ThreadPoolExecutor, now: list[float]
) -> None:
    shared = share(question)
    shared.tell()
    now[0] += USABLE_SECONDS - 0.1
    asking = ask_slowly(shared, question, threads)

    told = [shared.tell() for _ in range(31)]

    assert {each.answer for each in told} == {1}
    assert told[0].age_seconds == pytest.approx(USABLE_SECONDS - 0.1)
    question.may_answer.set()
    assert asking.result(BOUND_SECONDS).answer == 2


@pytest.mark.parametrize("is_known", [False, True], ids=["none", "too old"])
def test_without_an_answer_of_use_all_wait_for_the_one_that_is_asked_for(
    question: Question, threads: ThreadPoolExecutor, now: list[float], *, is_known: bool
) -> None:
    shared = share(question)
    if is_known:
        shared.tell()
        now[0] += USABLE_SECONDS
    asking = ask_slowly(shared, question, threads)
    waiting = [threads.submit(shared.tell) for _ in range(31)]
    question.may_answer.set()

    answers = {each.result(BOUND_SECONDS).answer for each in [asking, *waiting]}

    assert answers == {1 + is_known}


def test_a_failure_is_that_of_all_who_waited_and_of_nobody_after_them(
    question: Question, threads: ThreadPoolExecutor
) -> None:
    room = ClientSlots(4)
    shared = share(question, room)
    asking = ask_slowly(shared, question, threads)
    waiting = [threads.submit(shared.tell) for _ in range(4)]
    wait_until(lambda: is_full(room), BOUND_SECONDS, "four wait")
    question.fails = True
    question.may_answer.set()

    failures = [each.exception(BOUND_SECONDS) for each in [asking, *waiting]]

    assert [type(failure) for failure in failures] == [TimeoutError] * 5
    question.fails = False
    assert (shared.tell().answer, question.asked) == (2, 2)


def test_a_failure_leaves_the_last_answer_for_who_comes_while_it_is_asked_again(
    question: Question, threads: ThreadPoolExecutor, now: list[float]
) -> None:
    shared = share(question)
    shared.tell()
    now[0] += GOOD_SECONDS
    question.fails = True
    with pytest.raises(TimeoutError):
        shared.tell()

    ask_slowly(shared, question, threads)

    assert shared.tell().answer == 1


def test_no_more_wait_than_there_is_room_for(
    question: Question, threads: ThreadPoolExecutor
) -> None:
    room = ClientSlots(2)
    shared = share(question, room)
    ask_slowly(shared, question, threads)
    for _ in range(2):
        assert room.try_take()

    with pytest.raises(catalogue.Overloaded):
        shared.tell()

    room.release()
    last = threads.submit(shared.tell)
    wait_until(lambda: is_full(room), BOUND_SECONDS, "it waits")
    question.may_answer.set()
    assert last.result(BOUND_SECONDS).answer == 1
