"""While Redis is away the limits count on in this process, soon and without waiting for it."""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import caches
from django.http import HttpRequest
from hypothesis import given
from hypothesis import strategies as st

from security import limit_cache
from security.limit_cache import FallbackRedisCache
from security.rate_limit import count
from tests import stack
from tests.client import upload
from tests.conftest import assert_problem

pytestmark = pytest.mark.usefixtures("fresh_limits")

Servers = dict[str, stack.Server]


@pytest.fixture
def cache() -> FallbackRedisCache:
    """The limiter's cache as the settings make it, with a closed circuit."""
    made = caches["default"]
    assert isinstance(made, FallbackRedisCache)
    return made


@pytest.fixture
def no_redis(servers: Servers) -> Iterator[None]:
    """Redis is gone, and is there again afterwards."""
    with servers["redis"].stopped():
        yield


def key() -> str:
    return uuid.uuid4().hex


def test_counting_goes_through_redis_while_it_is_there(cache: FallbackRedisCache) -> None:
    name = key()
    assert cache.add(name, 1, 60)
    assert not cache.add(name, 1, 60)
    assert [cache.incr(name) for _ in range(3)] == [2, 3, 4]

    assert caches.create_connection("default").get(name) == 4, "another thread sees it"


def test_a_key_that_is_missing_is_made(cache: FallbackRedisCache) -> None:
    assert cache.incr(name := key()) == 1
    assert cache.incr(name, 5) == 6
    assert cache.get(name) == 6


@pytest.mark.property
@given(st.lists(st.tuples(st.sampled_from(["add", "incr", "get"]), st.sampled_from("ab"))))
@pytest.mark.parametrize("is_away", [False, True])
def test_it_counts_like_a_plain_counter(
    request: pytest.FixtureRequest,
    cache: FallbackRedisCache,
    is_away: bool,
    steps: list[tuple[str, str]],
) -> None:
    if is_away:
        request.getfixturevalue("no_redis")
    run, counted = key(), Counter[str]()
    for operation, name in steps:
        if operation == "add":
            assert cache.add(run + name, 1, 60) == (counted[name] == 0)
            counted[name] = counted[name] or 1
        elif operation == "incr":
            counted[name] += 1
            assert cache.incr(run + name) == counted[name]
        else:
            assert cache.get(run + name, 0) == counted[name]


def test_without_redis_every_request_still_counts(no_redis: None) -> None:
    name = key()

    assert [count("upload", HttpRequest(), name, "3/h").used for _ in range(5)] == [1, 2, 3, 4, 5]


def test_redis_dying_between_two_steps_is_no_refusal(
    cache: FallbackRedisCache, servers: Servers
) -> None:
    """The key was made there, and is counted here: it must not look like a used-up limit."""
    name = key()
    assert cache.add(name, 1, 60)

    with servers["redis"].stopped():
        assert cache.incr(name) == 1
        assert cache.incr(name) == 2


@pytest.mark.parametrize("fault", ["stopped", "frozen"])
def test_a_redis_that_is_away_costs_time_once(fault: str, servers: Servers) -> None:
    count("upload", HttpRequest(), key(), "3/h")  # connected
    waits = []
    with getattr(servers["redis"], fault)():
        for _ in range(20):
            started = time.monotonic()
            count("upload", HttpRequest(), key(), "3/h")
            waits.append(time.monotonic() - started)

    assert waits[0] < 1.5  # 0.25 s, generously
    assert max(waits[1:]) < 0.2  # the circuit is open: nobody asks


def test_one_thread_asks_a_frozen_redis_for_all_of_them(
    servers: Servers, log_events: list[dict[str, Any]]
) -> None:
    def work() -> None:
        count("upload", HttpRequest(), key(), "3/h")

    with servers["redis"].frozen():
        for _ in range(6):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()

    assert [event["event"] for event in log_events] == ["rate_limit.fell_back"]


def test_a_fallback_is_logged_once_per_rest(
    servers: Servers, log_events: list[dict[str, Any]]
) -> None:
    with servers["redis"].frozen():
        for _ in range(10):
            count("upload", HttpRequest(), key(), "3/h")

    fell_back = [event for event in log_events if event["event"] == "rate_limit.fell_back"]
    assert [event["error"] for event in fell_back] == ["TimeoutError"]


def test_after_the_rest_redis_counts_again(
    cache: FallbackRedisCache, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(cache._breaker, "_clock", lambda: now[0])
    name = key()
    cache.add(name, 1, 60)
    with servers["redis"].frozen():
        assert cache.incr(name) == 1
    assert cache.incr(name) == 2, "the circuit is still open"

    now[0] += limit_cache.REST_SECONDS
    assert cache.incr(name) == 3, "Redis did in the end what it was asked while it was frozen"
    assert cache.incr(name) == 4


def test_a_window_costs_redis_one_question_a_count(cache: FallbackRedisCache) -> None:
    name = key()
    client = cache._cache.get_client(write=True)
    before = client.info("commandstats")

    for _ in range(5):
        cache.add(name, 1, 60) or cache.incr(name)

    after = client.info("commandstats")
    asked = {
        command: after[command]["calls"] - before.get(command, {"calls": 0})["calls"]
        for command in after
    }
    assert {command: calls for command, calls in asked.items() if calls} == {
        "cmdstat_set": 1,
        "cmdstat_incrby": 4,
        "cmdstat_info": 1,
    }


def test_a_count_that_redis_lost_starts_anew_and_ends(cache: FallbackRedisCache) -> None:
    name = key()
    client = cache._cache.get_client(write=True)
    cache.add(name, 1, 3600)
    client.flushdb()

    assert not cache.add(name, 1, 3600)
    assert cache.incr(name) == 1

    assert 3500 < client.ttl(cache.make_key(name)) <= 3600


def test_a_restarted_redis_is_found_again(
    cache: FallbackRedisCache, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(cache._breaker, "_clock", lambda: now[0])
    name = key()
    cache.add(name, 1, 60)
    with servers["redis"].stopped():
        assert cache.incr(name) == 1

    now[0] += limit_cache.REST_SECONDS
    assert cache.incr(name) == 1, "a new Redis knows nothing"
    assert cache.get(name) == 1


def test_many_clients_are_counted_without_redis(no_redis: None) -> None:
    """Django's memory cache holds 300 keys unless told otherwise, and forgets some beyond."""
    first = {
        name: count("upload", HttpRequest(), name, "3/h") for name in (key() for _ in range(1000))
    }
    # Each client's hour ends at a moment of its own; one that ends meanwhile begins anew.
    names = [name for name, usage in first.items() if usage.resets_in_seconds > 60]

    assert len(names) > 900
    assert {count("upload", HttpRequest(), name, "3/h").used for name in names} == {2}


@pytest.mark.django_db
def test_without_redis_the_limit_holds_over_http(
    make_token: Callable[..., str], settings: Any, no_redis: None
) -> None:
    settings.UPLOAD_RATE = "2/h"
    token = make_token()
    answers = [upload(token, b"hello") for _ in range(3)]

    assert [answer.status for answer in answers] == [201, 201, 429]
    assert_problem(answers[2], 429, "rate_limited")
