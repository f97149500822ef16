"""How much one owner may send in a day and keep in all: charged once, refused early, given back."""

from __future__ import annotations

import datetime
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from errors import catalogue, wsgi_guard
from filesvc import quotas
from filesvc.models import DailyUsage, File, StoredUsage
from filesvc.sweeper import sweep_once
from security.size import MULTIPART_OVERHEAD_BYTES
from tests.client import call, post_form, upload
from tests.conftest import assert_problem

pytestmark = pytest.mark.django_db

Clock = Callable[[datetime.datetime], None]
DAY = datetime.timedelta(days=1)
NEW_YEAR = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
MOMENTS = st.timedeltas(datetime.timedelta(0), 400 * DAY).map(lambda since: NEW_YEAR + since)
# A step of an owner: send so many bytes, delete the oldest kept file, or let a day pass.
STEPS = st.lists(st.integers(0, 12) | st.sampled_from(["delete", "tomorrow"]), max_size=25)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Tell the quotas what time it is."""

    def tell(moment: datetime.datetime) -> None:
        monkeypatch.setattr(timezone, "now", lambda: moment)

    return tell


def usage() -> tuple[int, int]:
    """Files and bytes counted so far, over all days."""
    rows = DailyUsage.objects.values_list("files", "sent_bytes")
    return sum(files for files, _ in rows), sum(sent for _, sent in rows)


def stored_bytes() -> int:
    return sum(StoredUsage.objects.values_list("stored_bytes", flat=True))


def test_one_file_more_than_the_day_allows_is_refused(token: str, settings: Any) -> None:
    settings.QUOTA_FILES_PER_DAY = 2
    assert [upload(token, b"hello").status for _ in range(2)] == [201, 201]

    problem = assert_problem(upload(token, b"hello"), 429, "quota_exceeded")
    assert problem["meta"] == {
        "violated_policies": ["files_per_day"],
        "limit": 2,
        "window_seconds": 86_400,
    }
    assert File.objects.count() == 2


def test_bytes_are_counted_to_the_last_one(token: str, settings: Any) -> None:
    settings.QUOTA_BYTES_PER_DAY = 10
    assert upload(token, b"12345").status == 201

    problem = assert_problem(upload(token, b"123456"), 429, "quota_exceeded")
    assert (problem["meta"]["violated_policies"], problem["meta"]["limit"]) == (
        ["bytes_per_day"],
        10,
    )
    assert upload(token, b"12345").status == 201


def test_every_limit_that_is_passed_is_named_and_the_first_one_told(settings: Any) -> None:
    settings.QUOTA_FILES_PER_DAY, settings.QUOTA_BYTES_PER_DAY = 1, 5

    refusal = quotas.daily_refusal(2, 6)

    assert refusal is not None
    assert refusal.meta["violated_policies"] == ["files_per_day", "bytes_per_day"]
    assert refusal.meta["limit"] == 1
    assert quotas.daily_refusal(1, 5) is None


def test_what_is_kept_in_all_needs_a_deletion_and_no_patience(token: str, settings: Any) -> None:
    settings.QUOTA_STORED_BYTES = 10
    kept = upload(token, b"123456").json["id"]

    problem = assert_problem(upload(token, b"12345"), 403, "storage_quota_exceeded")
    assert (problem["retryable"], problem["meta"]["max_bytes"]) == (False, 10)
    assert call("DELETE", f"/files/{kept}/", token=token).status == 204
    assert upload(token, b"12345").status == 201


def test_a_deletion_gives_nothing_of_the_day_back(token: str, settings: Any) -> None:
    settings.QUOTA_FILES_PER_DAY, settings.QUOTA_STORED_BYTES = 1, 100
    kept = upload(token, b"hello").json["id"]

    call("DELETE", f"/files/{kept}/", token=token)

    assert (usage(), stored_bytes()) == ((1, 5), 0)
    assert_problem(upload(token, b"hello"), 429, "quota_exceeded")


def test_without_a_limit_nothing_is_counted(token: str) -> None:
    assert upload(token, b"hello").status == 201

    assert (DailyUsage.objects.count(), StoredUsage.objects.count()) == (0, 0)


def test_another_owner_is_unaffected(
    token: str, make_token: Callable[..., str], settings: Any
) -> None:
    settings.QUOTA_FILES_PER_DAY, settings.QUOTA_STORED_BYTES = 1, 5
    assert upload(token, b"hello").status == 201
    assert upload(token, b"hello").status == 429

    assert upload(make_token("bob"), b"hello").status == 201


def test_files_from_before_the_limit_count_as_kept(token: str, settings: Any) -> None:
    assert upload(token, b"12345678").status == 201

    settings.QUOTA_STORED_BYTES = 10
    assert_problem(upload(token, b"123"), 403, "storage_quota_exceeded")
    assert upload(token, b"12").status == 201
    assert stored_bytes() == 10


# --- early, and until when -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"QUOTA_FILES_PER_DAY": 1}, "quota_exceeded"),
        ({"QUOTA_BYTES_PER_DAY": 50_000}, "quota_exceeded"),
        ({"QUOTA_STORED_BYTES": 50_000}, "storage_quota_exceeded"),
    ],
)
def test_what_cannot_fit_is_refused_before_a_byte_is_read(
    token: str, settings: Any, monkeypatch: pytest.MonkeyPatch, limits: dict[str, int], code: str
) -> None:
    monkeypatch.setattr(wsgi_guard, "MAX_DRAIN_BYTES", 0)
    for name, limit in limits.items():
        setattr(settings, name, limit)
    assert upload(token, b"hello").status == 201
    body = io.BytesIO(bytes(100_000))

    answer = post_form(token, b"", stream=body, CONTENT_LENGTH="100000")

    assert_problem(answer, answer.status, code)
    assert body.tell() == 0


def test_the_frame_of_the_form_does_not_count_as_the_file(token: str, settings: Any) -> None:
    settings.QUOTA_STORED_BYTES = settings.QUOTA_BYTES_PER_DAY = MULTIPART_OVERHEAD_BYTES

    assert upload(token, b"x" * MULTIPART_OVERHEAD_BYTES).status == 201


@pytest.mark.property
@given(moment=MOMENTS)
def test_the_wait_ends_with_the_day_in_utc_and_is_never_nothing(
    clock: Clock, settings: Any, moment: datetime.datetime
) -> None:
    settings.QUOTA_FILES_PER_DAY = 1
    clock(moment)

    refusal = quotas.daily_refusal(2, 0)

    assert refusal is not None
    wait = refusal.retry_after_seconds or 0
    assert 1 <= wait <= 86_400
    later = moment.replace(microsecond=0) + datetime.timedelta(seconds=wait)
    assert later == datetime.datetime.combine(moment.date() + DAY, datetime.time(), datetime.UTC)


@pytest.mark.parametrize(
    ("at", "wait"), [("23:59:59.999999", 1), ("00:00:00", 86_400), ("12:00:00", 43_200)]
)
def test_the_client_is_told_to_wait_for_the_next_day(
    token: str, settings: Any, clock: Clock, at: str, wait: int
) -> None:
    settings.QUOTA_FILES_PER_DAY = 1
    moment = datetime.datetime.fromisoformat(f"2026-06-30T{at}+00:00")
    clock(moment)
    assert upload(token, b"hello").status == 201

    answer = upload(token, b"hello")
    assert_problem(answer, 429, "quota_exceeded")
    assert answer.headers["retry-after"] == str(wait)
    clock(moment + datetime.timedelta(seconds=wait))
    assert upload(token, b"hello").status == 201


@pytest.mark.property
@given(steps=STEPS, limits=st.tuples(st.integers(0, 5), st.integers(0, 30), st.integers(0, 30)))
def test_charging_agrees_with_a_ledger(
    clock: Clock, settings: Any, steps: list[Any], limits: tuple[int, int, int]
) -> None:
    settings.QUOTA_FILES_PER_DAY, settings.QUOTA_BYTES_PER_DAY, settings.QUOTA_STORED_BYTES = limits
    most_files, most_sent, most_stored = (limit or 10**6 for limit in limits)
    owner = get_user_model().objects.create(username="ledger")
    moment, files, sent, kept = NEW_YEAR, 0, 0, list[int]()
    clock(moment)
    for step in steps:
        if step == "tomorrow":
            moment, files, sent = moment + DAY, 0, 0
            clock(moment)
        elif step == "delete" and kept:
            quotas.refund_stored(owner.pk, kept.pop(0))
        elif isinstance(step, int):
            refused = charge(owner, step)
            if files + 1 > most_files or sent + step > most_sent:
                assert refused == "quota_exceeded"
            elif sum(kept) + step > most_stored:
                assert refused == "storage_quota_exceeded"
            else:
                assert refused is None
                files, sent, kept = files + 1, sent + step, [*kept, step]
    owner.delete()


def charge(owner: Any, size_bytes: int) -> str | None:
    """The code of the refusal, or None when it fits."""
    try:
        with transaction.atomic():
            quotas.charge_quotas(owner, size_bytes)
    except (catalogue.QuotaExceeded, catalogue.StorageQuotaExceeded) as refusal:
        return refusal.code
    return None


def test_a_count_that_nobody_limits_any_more_is_made_anew(token: str, settings: Any) -> None:
    settings.QUOTA_STORED_BYTES = 1000
    path = upload(token, b"a" * 300).headers["location"]
    settings.QUOTA_STORED_BYTES = 0
    sweep_once()
    call("DELETE", path, token=token)
    upload(token, b"b" * 200)

    settings.QUOTA_STORED_BYTES = 1000
    upload(token, b"c" * 100)

    assert StoredUsage.objects.get().stored_bytes == 300
