"""Whether the workers get on is read from the rows: who waits, and whether anybody is held."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from filesvc.models import File, Status
from filesvc.worker_progress import STUCK_SECONDS, oldest_waiting_seconds, progress_of_workers
from tests.filesvc.conftest import MakeFile

pytestmark = pytest.mark.django_db
LONG_AGO = STUCK_SECONDS + 30


def ago(seconds: float) -> object:
    return timezone.now() - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("waits", "held", "state"),
    [
        (None, False, "idle"),
        (None, True, "working"),
        (1, False, "working"),
        (LONG_AGO, True, "behind"),
        (LONG_AGO, False, "stuck"),
    ],
)
def test_the_state_follows_from_what_waits_and_what_is_held(
    waits: float | None, held: bool, state: str, make_file: MakeFile
) -> None:
    if waits is not None:
        make_file(uploaded_at=ago(waits))
    if held:
        make_file(status=Status.PROCESSING, lease_until=ago(-20))

    assert progress_of_workers()[0] == state


def test_a_file_whose_lease_ran_out_waits_again(make_file: MakeFile) -> None:
    make_file(status=Status.PROCESSING, lease_until=ago(1), uploaded_at=ago(LONG_AGO))

    assert progress_of_workers()[0] == "stuck"


def test_a_file_sent_back_waits_since_then(make_file: MakeFile) -> None:
    make_file(uploaded_at=ago(9000), reprocessed_at=ago(10))

    assert 10 <= oldest_waiting_seconds() < 60


def test_a_ring_makes_nobody_younger(make_file: MakeFile) -> None:
    make_file(uploaded_at=ago(300), notified_at=ago(0))

    assert oldest_waiting_seconds() >= 300


@pytest.mark.property
@given(
    rows=st.lists(
        st.tuples(st.sampled_from(list(Status)), st.integers(0, 10_000)), min_size=0, max_size=6
    )
)
def test_the_oldest_is_the_oldest_of_those_that_wait(
    rows: list[tuple[Status, int]], make_file: MakeFile
) -> None:
    File.objects.all().delete()
    for status, seconds in rows:
        make_file(status=status, uploaded_at=ago(seconds), lease_until=ago(-60))

    waiting = [seconds for status, seconds in rows if status is Status.QUEUED]
    assert oldest_waiting_seconds() == pytest.approx(max(waiting, default=0), abs=30)
