"""A key is kept for its day, and no longer."""

from __future__ import annotations

import pytest

from filesvc.models import IdempotencyKey
from filesvc.repairs import REPAIRS
from filesvc.repairs.repair import mend_all
from tests.filesvc import keying
from tests.filesvc.keying import assert_replayed, expire, send

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
