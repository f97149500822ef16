"""What clamd said of itself is believed, and is fresh enough, until the very moment it is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from errors import catalogue
from errors.base import ServiceError
from security import signatures
from security.signatures import (
    FAILURE_SECONDS,
    MAX_AGE,
    REMEMBERED_SECONDS,
    TEST_ONLY,
    Scanner,
    check_signatures,
    current_scanner,
)

BUNDLED = Scanner("ClamAV 1.4.6", TEST_ONLY, None)


@pytest.mark.parametrize(
    ("answer", "believed_seconds"),
    [(BUNDLED, REMEMBERED_SECONDS), (catalogue.ScannerTimeout(), FAILURE_SECONDS)],
)
def test_an_answer_is_believed_until_its_time_is_over(
    monkeypatch: pytest.MonkeyPatch, answer: Scanner | ServiceError, believed_seconds: float
) -> None:
    now, asked = [0.25], list[float]()
    monkeypatch.setattr(signatures, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def ask() -> Scanner | ServiceError:
        asked.append(now[0])
        return answer

    monkeypatch.setattr(signatures, "_ask_or_fail", ask)
    told: list[Scanner | ServiceError] = []
    for moment in (0.25, believed_seconds, believed_seconds + 0.25):
        now[0] = moment
        try:
            told.append(current_scanner())
        except ServiceError as error:
            told.append(error)

    assert [type(each) for each in told] == [type(answer)] * 3
    assert asked == [0.25, believed_seconds + 0.25]


def test_a_set_is_stale_when_it_is_older_than_it_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    monkeypatch.setattr(signatures, "timezone", SimpleNamespace(now=lambda: now))
    check_signatures(Scanner("ClamAV 1.4.6", "27456", now - MAX_AGE))

    older = now - MAX_AGE - timedelta(microseconds=1)
    with pytest.raises(catalogue.ScannerUnavailable):
        check_signatures(Scanner("ClamAV 1.4.6", "27456", older))
