"""After a failure nobody asks for a while; then one caller tries, and a success opens the way."""

from __future__ import annotations

import threading

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from security.circuit_breaker import SLOW_SECONDS, CircuitBreaker


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Breaker(RuleBasedStateMachine):
    """Told by its history: what was allowed since the last failure, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.rest_seconds = 5.0
        self.breaker = CircuitBreaker(self.rest_seconds, self.clock)
        self.is_open = False
        # The last moment after which the next try must wait a whole rest.
        self.rest_began_at = 0.0

    @initialize(rest_seconds=st.sampled_from([0.5, 5.0, 60.0]))
    def choose_rest(self, rest_seconds: float) -> None:
        self.rest_seconds = rest_seconds
        self.breaker = CircuitBreaker(rest_seconds, self.clock)

    @rule(seconds=st.sampled_from([0.0, 0.25, 0.5, 1.0, 4.5, 5.0, 30.0, 60.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule()
    def a_try_fails(self) -> None:
        self.breaker.record_failure()
        self.is_open, self.rest_began_at = True, self.clock.now

    @rule()
    def a_try_succeeds(self) -> None:
        self.breaker.record_success()
        self.is_open = False

    @rule()
    def somebody_asks(self) -> None:
        rested = self.clock.now - self.rest_began_at >= self.rest_seconds
        assert self.breaker.allows() == (not self.is_open or rested)
        if self.is_open and rested:
            self.rest_began_at = self.clock.now  # the one try of this rest

    @invariant()
    def everybody_passes_a_closed_one(self) -> None:
        if not self.is_open:
            assert self.breaker.allows()
            assert self.breaker.allows()


TestBreaker = pytest.mark.property(Breaker.TestCase)
TestBreaker.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)


def test_a_new_breaker_lets_everybody_try() -> None:
    breaker = CircuitBreaker(5)

    assert [breaker.allows() for _ in range(3)] == [True] * 3


def test_after_a_failure_nobody_tries_until_the_rest_is_over() -> None:
    breaker = CircuitBreaker(5, clock := Clock())
    breaker.record_failure()
    assert not breaker.allows()
    clock.now += 4.9
    assert not breaker.allows()
    clock.now += 0.1
    assert breaker.allows()


def test_after_the_rest_one_of_many_threads_tries() -> None:
    breaker = CircuitBreaker(5, clock := Clock())
    breaker.record_failure()
    clock.now += 5
    gate = threading.Barrier(20)
    allowed: list[bool] = []

    def ask() -> None:
        gate.wait()
        allowed.append(breaker.allows())

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert allowed.count(True) == 1


def test_a_try_that_never_reports_does_not_close_the_way_for_ever() -> None:
    breaker = CircuitBreaker(5, clock := Clock())
    breaker.record_failure()
    clock.now += 5
    assert breaker.allows()
    clock.now += 5

    assert breaker.allows()


@pytest.mark.parametrize(("slow", "is_open"), [(4, False), (5, True)])
def test_slow_answers_in_a_row_count_as_a_failure(slow: int, *, is_open: bool) -> None:
    breaker = CircuitBreaker(5.0)

    for _ in range(slow):
        breaker.record_success(SLOW_SECONDS + 0.01)

    assert breaker.allows() is not is_open


def test_slow_answers_are_rested_from_like_failures() -> None:
    breaker = CircuitBreaker(5, clock := Clock())
    told = [breaker.record_success(SLOW_SECONDS + 0.01) for _ in range(7)]

    assert told == [False] * 4 + [True] * 3
    assert not breaker.is_closed
    clock.now += 4.9
    assert not breaker.allows()
    clock.now += 0.1
    assert breaker.allows()


def test_an_answer_that_takes_just_what_it_may_is_not_slow() -> None:
    breaker = CircuitBreaker(5)

    assert not any(breaker.record_success(SLOW_SECONDS) for _ in range(9))
    assert breaker.is_closed


def test_one_quick_answer_forgives_the_slow_ones() -> None:
    breaker = CircuitBreaker(5.0)

    for took_seconds in (0.2, 0.2, 0.2, 0.2, 0.01, 0.2, 0.2, 0.2, 0.2):
        breaker.record_success(took_seconds)

    assert breaker.allows() is True
