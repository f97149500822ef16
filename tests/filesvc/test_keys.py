"""A key is kept for its day, and no longer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User

from errors import catalogue
from filesvc import keys
from filesvc.models import IdempotencyKey
from filesvc.repairs import REPAIRS
from filesvc.repairs.repair import mend_all
from tests.client import call
from tests.conftest import assert_problem
from tests.filesvc import keying
from tests.filesvc.keying import KEY, assert_replayed, expire, send

pytestmark = pytest.mark.django_db


def test_after_its_day_a_key_is_a_new_one(token: str) -> None:
    first = send(token)
    expire()

    second = send(token, b"other bytes")

    assert second.status == 201
    assert second.json["id"] != first.json["id"]
    assert_replayed(send(token, b"other bytes"), second)


def test_the_sweeper_forgets_expired_keys_and_no_others(token: str) -> None:
    (repair,) = [repair for repair in REPAIRS if repair.name == "forget_keys"]
    send(token)
    expire()
    send(token, key="a-key-that-is-young")
    keying.claim(key="a-key-under-way-now", lease=keying.PAST)

    assert [mend_all(repair, repair.find()) for _ in range(2)] == [1, 0]

    left = set(IdempotencyKey.objects.values_list("key", flat=True))
    assert left == {"a-key-that-is-young", "a-key-under-way-now"}


def test_a_key_claimed_anew_since_it_was_found_expired_is_not_forgotten(token: str) -> None:
    (repair,) = [repair for repair in REPAIRS if repair.name == "forget_keys"]
    send(token)
    expire()
    found = list(repair.find())
    assert send(token).status == 201

    assert mend_all(repair, found) == 0
    assert IdempotencyKey.objects.count() == 1


class Rival:
    """Takes the key just before each INSERT that wants it, and gives it back just after."""

    def __init__(self, times: int) -> None:
        self._left = times
        self._row: IdempotencyKey | None = None
        self._look = keys.find_key

    def find(self, row: IdempotencyKey) -> Any:
        """What this request sees when it looks for its key."""
        if self._row is not None:
            self._row.delete()
            self._row = None
            return self._look(row)
        found = self._look(row)
        if found is None and self._left:
            self._left -= 1
            self._row = keying.claim()
        return found


@pytest.mark.parametrize("times", [1, 2])
def test_a_key_that_is_given_back_while_it_is_looked_for_is_claimed(
    token: str, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    monkeypatch.setattr(keys, "find_key", Rival(times).find)

    first = send(token)

    assert first.status == 201
    assert_replayed(send(token), first)


def test_a_key_that_always_somebody_else_was_faster_to_claim_is_in_progress(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "find_key", Rival(99).find)
    request: Any = SimpleNamespace(user=User.objects.get(), method="POST", path="/upload/")

    assert_problem(send(token), 409, "idempotency_key_in_progress")
    with pytest.raises(catalogue.IdempotencyKeyInProgress):
        keys.claim_key(request, KEY)

    assert not IdempotencyKey.objects.filter(key=KEY).exists()
    assert call("GET", "/files/", token=token).json["results"] == []
