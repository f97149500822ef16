"""Idempotency keys as the tests send, find, lapse and expire them."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone

from filesvc.models import IdempotencyKey
from tests.client import Answer, upload

KEY = "018f2b6e-aaaa-7bbb-8ccc-1234567890ab"
PAST = timedelta(seconds=-1)
LATER = timedelta(minutes=1)


def header(key: str = KEY) -> dict[str, str]:
    return {"Idempotency-Key": key}


def send(
    token: str, content: bytes = b"hello", name: str = "note.txt", key: str = KEY, **more: Any
) -> Answer:
    """One file with a key."""
    return upload(token, content, name, headers=header(key) | more.pop("headers", {}), **more)


def claim(owner: str = "alice", key: str = KEY, lease: timedelta = LATER) -> IdempotencyKey:
    """What a request under way has left in the table."""
    user, _ = get_user_model().objects.get_or_create(username=owner)
    now = timezone.now()
    return IdempotencyKey.objects.create(
        owner=user,
        method="POST",
        route="upload",
        key=key,
        holder=uuid.uuid4(),
        created_at=now,
        lease_until=now + lease,
        expires_at=now + timedelta(days=1),
    )


def lapse() -> None:
    """The deadline of every claim is over."""
    IdempotencyKey.objects.update(lease_until=timezone.now() + PAST)


def expire() -> None:
    """The day of every key is over."""
    IdempotencyKey.objects.update(expires_at=timezone.now() + PAST)


def assert_replayed(answer: Answer, first: Answer) -> None:
    """The same answer to the letter, told as a replay, under a request id of its own."""
    assert (answer.status, answer.headers.get("idempotency-replayed")) == (first.status, "true")
    assert answer.headers.get("location") == first.headers.get("location")
    assert answer.headers["x-request-id"] != first.headers["x-request-id"]
    old, new = (told.headers["x-request-id"].encode() for told in (first, answer))
    assert answer.body == first.body.replace(old, new)
