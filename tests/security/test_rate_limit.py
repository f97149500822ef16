"""How often one may upload and send bad tokens: counted per window, told in headers, kept apart."""

from __future__ import annotations

import itertools
import uuid
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import django_ratelimit.core
import pytest
from django.core.cache.backends.locmem import LocMemCache
from django.http import HttpRequest
from hypothesis import given
from hypothesis import strategies as st

from errors import catalogue
from security.rate_limit import RateUsage, check_usage, count, window_of
from tests.client import Answer, call, form, post_form, upload
from tests.conftest import assert_nothing_kept, assert_problem
from tests.security.conftest import Watched

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_limits")]

NOTHING = form()  # refused as a form, and counted before


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The limiter's clock, which stands still until a test moves it."""
    clock = SimpleNamespace(now=1_790_000_000.5)
    monkeypatch.setattr(django_ratelimit.core, "time", SimpleNamespace(time=lambda: clock.now))
    return clock


def limits_of(answer: Answer, policy: str = "upload") -> tuple[int, int, int, int]:
    """Limit, window, what is left and when it ends, as the headers tell."""
    name, quota, window = answer.headers["ratelimit-policy"].split(";")
    told, left, ends = answer.headers["ratelimit"].split(";")
    assert name == told == f'"{policy}"'
    return int(quota[2:]), int(window[2:]), int(left[2:]), int(ends[2:])


# --- over HTTP ------------------------------------------------------------------------


def test_the_61st_upload_of_a_minute_is_refused(token: str, storage: Path, settings: Any) -> None:
    settings.UPLOAD_RATE, settings.ADDRESS_RATE = "60/m", "600/m"
    for used in range(1, 61):
        answer = post_form(token, NOTHING)
        assert_problem(answer, 400, "missing_file")
        assert limits_of(answer)[2] == 60 - used

    stream = Watched(NOTHING)
    answer = post_form(token, NOTHING, stream=stream)

    problem = assert_problem(answer, 429, "rate_limited")
    assert 1 <= problem["retry_after"] <= 60
    assert problem["meta"] == {"violated_policies": ["upload"]}
    assert limits_of(answer) == (60, 60, 0, problem["retry_after"])
    assert_nothing_kept(storage)


def test_an_accepted_upload_tells_what_is_left(token: str, settings: Any) -> None:
    settings.UPLOAD_RATE = "5/h"

    first, second = upload(token, b"one"), upload(token, b"two")

    assert (first.status, second.status) == (201, 201)
    assert limits_of(first)[:3] == (5, 3600, 4)
    assert limits_of(second)[:3] == (5, 3600, 3)


def test_a_refused_upload_is_not_read(token: str, settings: Any, no_drain: None) -> None:
    settings.UPLOAD_RATE = "1/m"
    post_form(token, NOTHING)
    stream = Watched(body := form(('Content-Disposition: form-data; name="file"', b"x" * 100_000)))

    assert_problem(post_form(token, body, stream=stream), 429, "rate_limited")

    assert stream.read_bytes == 0


def test_after_the_wait_it_told_a_client_may_upload_again(
    token: str, settings: Any, clock: SimpleNamespace
) -> None:
    settings.UPLOAD_RATE = "1/m"
    assert upload(token, b"hello").status == 201
    wait_seconds = int(upload(token, b"hello").headers["retry-after"])

    clock.now += wait_seconds - 1
    assert upload(token, b"hello").headers["retry-after"] == "1"
    clock.now += 1
    assert upload(token, b"hello").status == 201


def test_each_token_has_its_own_count(make_token: Callable[..., str], settings: Any) -> None:
    settings.UPLOAD_RATE = "1/m"
    one, two = make_token("alice"), make_token("bob")

    assert [upload(one, b"x").status, upload(one, b"x").status] == [201, 429]
    assert upload(two, b"x").status == 201


def test_an_address_has_a_count_over_all_its_tokens(
    make_token: Callable[..., str], settings: Any
) -> None:
    settings.UPLOAD_RATE, settings.ADDRESS_RATE = "100/m", "2/m"
    answers = [upload(make_token(name), b"x") for name in ("alice", "bob", "carol")]

    assert [answer.status for answer in answers] == [201, 201, 429]
    problem = assert_problem(answers[2], 429, "rate_limited")
    assert problem["meta"] == {"violated_policies": ["address"]}
    elsewhere = upload(make_token("carol"), b"x", REMOTE_ADDR="198.51.100.9")
    assert elsewhere.status == 201


def test_every_exceeded_window_is_named(token: str, settings: Any) -> None:
    settings.UPLOAD_RATE, settings.ADDRESS_RATE = "1/h", "1/m"
    upload(token, b"x")

    problem = assert_problem(upload(token, b"x"), 429, "rate_limited")

    assert problem["meta"] == {"violated_policies": ["upload", "address"]}


def test_a_spoofed_address_does_not_open_another_bucket(token: str, settings: Any) -> None:
    settings.ADDRESS_RATE = "1/m"
    statuses = [
        upload(token, b"x", HTTP_X_FORWARDED_FOR=f"203.0.113.{last}").status for last in range(3)
    ]

    assert statuses == [201, 429, 429]


def test_a_refused_scope_is_not_counted(make_token: Callable[..., str], settings: Any) -> None:
    settings.ADDRESS_RATE = "1/m"
    reader = make_token("reader", "read")
    assert_problem(post_form(reader, NOTHING), 403, "insufficient_scope")

    assert upload(make_token("alice"), b"x").status == 201


# --- bad tokens -----------------------------------------------------------------------


def test_bad_tokens_are_refused_and_a_good_one_still_works(token: str, settings: Any) -> None:
    settings.AUTH_FAILURE_RATE = "3/m"
    answers = [call("GET", "/files/", token=f"bad-{n}") for n in range(5)]

    assert [answer.status for answer in answers] == [401, 401, 401, 429, 429]
    problem = assert_problem(answers[3], 429, "rate_limited")
    assert problem["meta"] == {"violated_policies": ["auth_failure"]}
    assert problem["retry_after"] >= 1
    assert call("GET", "/files/", token=token).status == 200


def test_no_token_is_no_bad_token(settings: Any) -> None:
    settings.AUTH_FAILURE_RATE = "1/m"

    assert [call("GET", "/files/").status for _ in range(4)] == [401] * 4


def test_a_neighbours_address_is_not_blamed_for_bad_tokens(settings: Any) -> None:
    settings.AUTH_FAILURE_RATE = "1/m"
    here = [call("GET", "/files/", token="bad").status for _ in range(2)]
    there = call("GET", "/files/", token="bad", REMOTE_ADDR="198.51.100.1").status

    assert (here, there) == ([401, 429], 401)


# --- the counter ----------------------------------------------------------------------


def window_end(key: str, period: int, now: int) -> int:
    """The last second of the window of that key; each key has its own."""
    return now + (zlib.crc32(key.encode()) - now) % period


steps = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from([0, 0, 0, 1, 7, 59, 60, 61, 3600])),
    max_size=40,
)


@pytest.mark.property
@given(steps=steps, rate=st.sampled_from([(1, 60), (3, 60), (5, 3600), (2, 86400)]))
def test_the_limiter_counts_like_a_plain_counter(
    clock: SimpleNamespace, steps: list[tuple[str, int]], rate: tuple[int, int]
) -> None:
    limit, period = rate
    run = uuid.uuid4().hex
    text = f"{limit}/{ {60: 'm', 3600: 'h', 86400: 'd'}[period] }"
    seen: Counter[tuple[str, int]] = Counter()
    for name, seconds in steps:
        clock.now += seconds
        key = run + name
        end = window_end(key, period, int(clock.now))
        seen[key, end] += 1

        usage = count("upload", HttpRequest(), key, text)

        assert usage.used == seen[key, end]
        assert usage.left == max(0, limit - usage.used)
        assert usage.resets_in_seconds == end + 1 - int(clock.now) <= period
        assert (usage.limit, usage.window_seconds) == rate


@pytest.mark.property
@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 9), st.integers(1, 99)), min_size=1))
def test_a_refusal_names_exactly_the_windows_that_are_used_up(
    told: list[tuple[int, int, int]],
) -> None:
    usages = [
        RateUsage(f"p{n}", limit, used, 60, resets) for n, (limit, used, resets) in enumerate(told)
    ]
    exceeded = [usage for usage in usages if usage.used > usage.limit]

    if not exceeded:
        check_usage(*usages)
        return
    with pytest.raises(catalogue.RateLimited) as refused:
        check_usage(*usages)
    assert refused.value.violated_policies == [usage.policy for usage in exceeded]
    waits = [usage.resets_in_seconds for usage in exceeded]
    assert refused.value.retry_after_seconds == max(waits)


def test_policies_do_not_share_a_count() -> None:
    key = uuid.uuid4().hex

    assert count("upload", HttpRequest(), key, "5/m").used == 1
    assert count("address", HttpRequest(), key, "5/m").used == 1
    assert count("upload", HttpRequest(), key, "5/m").used == 2


class Forgetful(LocMemCache):
    """A cache that keeps nothing: there is a key, and then there is none."""

    def add(self, *args: Any, **kwargs: Any) -> bool:
        return False


def test_a_count_that_is_none_is_our_fault_and_no_answer(settings: Any) -> None:
    """What django-ratelimit says when its cache failed must not become a 429."""
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.Forgetful"}}

    with pytest.raises(catalogue.InternalError):
        count("upload", HttpRequest(), "key", "5/m")


@pytest.mark.parametrize(
    ("rate", "window"),
    [("60/m", (60, 60)), ("1/s", (1, 1)), ("5/h", (5, 3600)), ("9/d", (9, 86400))],
)
def test_a_rate_is_a_count_and_a_window(rate: str, window: tuple[int, int]) -> None:
    assert window_of(rate) == window


def test_windows_of_a_second_start_anew(clock: SimpleNamespace) -> None:
    used = []
    for _ in range(3):
        used += [count("upload", HttpRequest(), "key", "1/s").used for _ in range(2)]
        clock.now += 1

    assert used == list(itertools.chain.from_iterable([[1, 2]] * 3))
