"""The rows of idempotency keys: claimed, answered, taken over, given back, forgotten.

Each change is one statement that names what it expects to find; times are the database's.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterable
from typing import Any, cast

from django.db import Error as DatabaseError
from django.db import connection
from django.db.models import BooleanField, ExpressionWrapper, Q
from django.db.models.functions import Now
from rest_framework.request import Request

from errors import catalogue
from filesvc.claims import from_now
from filesvc.deadlines import edge_seconds
from filesvc.models import IdempotencyKey

KEPT_SECONDS = 24 * 60 * 60
# A key can be given back between the INSERT that met it and the SELECT that looks for it.
_CLAIM_TRIES = 3


def claim_key(request: Request, key: str) -> IdempotencyKey:
    """The key as a claim of this request, or as it was answered.

    Raises IdempotencyKeyInProgress, DatabaseUnavailable.
    """
    row = new_claim(request, key)
    try:
        for _ in range(_CLAIM_TRIES):
            if claimed := try_claim(row):
                return claimed
    except DatabaseError as error:
        # The reply may be what was lost: a claim nobody knows of would stand in the way.
        with contextlib.suppress(DatabaseError):
            leave_broken_connection()
            give_back(row)
        raise catalogue.DatabaseUnavailable(note=type(error).__name__) from error
    raise catalogue.IdempotencyKeyInProgress()


def try_claim(row: IdempotencyKey) -> IdempotencyKey | None:
    """Insert the claim, or take over one whose lease has lapsed; None when the key has just gone.

    The INSERT decides, in a transaction of its own; it is spared where a look shows that it
    would find the key there. Raises IdempotencyKeyInProgress.
    """
    found = find_key(row)
    if found is None:
        IdempotencyKey.objects.bulk_create([row], ignore_conflicts=True)
        found = find_key(row)
    if found is None:
        return None
    if found.holder == row.holder:
        return row
    if found.status is not None and not found.is_free:
        return cast(IdempotencyKey, found)
    if found.is_free and take_over(row):
        return row
    raise catalogue.IdempotencyKeyInProgress()


def take_over(row: IdempotencyKey) -> bool:
    """Of several at once one succeeds: the others find a lease that runs (compare-and-swap)."""
    fields = ("holder", "lease_until", "created_at", "expires_at")
    anew = {name: getattr(row, name) for name in (*fields, "fingerprint", "status", "body")}
    return bool(same_key(row).filter(free_keys()).update(file_id=None, **anew))


def answer_key(row: IdempotencyKey, **answer: Any) -> bool:
    """Make the claim an answer, kept for a day from now; False when the claim was taken over."""
    return bool(mine(row).update(expires_at=from_now(KEPT_SECONDS), **answer))


def give_back(row: IdempotencyKey) -> None:
    """Forget the claim, unless it has become an answer or somebody else's by now.

    A commit that still runs holds the row: the DELETE waits for it, and then finds an answer.
    """
    mine(row).delete()


def leave_broken_connection() -> None:
    """The next query opens a new one."""
    if connection.errors_occurred:
        connection.close_if_unusable_or_obsolete()


def find_expired_keys() -> Iterable[IdempotencyKey]:
    """Keys that promise nothing any more."""
    return IdempotencyKey.objects.filter(expires_at__lt=Now()).iterator()


def forget_key(row: IdempotencyKey) -> bool:
    """Drop it, unless it was claimed anew meanwhile."""
    forgotten, _ = IdempotencyKey.objects.filter(id=row.id, expires_at__lt=Now()).delete()
    return bool(forgotten)


def new_claim(request: Request, key: str) -> IdempotencyKey:
    """A claim that is not in the database yet; its times are the database's."""
    owner: Any = request.user
    return IdempotencyKey(
        owner=owner,
        method=request.method or "",
        route=request.path.strip("/"),
        key=key,
        holder=uuid.uuid4(),
        # Once the edge has given up, nobody expects the first answer any more.
        lease_until=from_now(edge_seconds()),
        created_at=Now(),
        expires_at=from_now(KEPT_SECONDS),
    )


def free_keys() -> Q:
    """Left by a request that did not live to its deadline, or kept for a day."""
    return Q(status=None, lease_until__lt=Now()) | Q(expires_at__lt=Now())


def find_key(row: IdempotencyKey) -> Any:
    """The row with this key, if there is one, and whether it is free."""
    is_free = ExpressionWrapper(free_keys(), output_field=BooleanField())
    return same_key(row).annotate(is_free=is_free).first()


def same_key(row: IdempotencyKey) -> Any:
    """The rows with this key in this scope: one at most."""
    scope = {name: getattr(row, name) for name in ("owner_id", "method", "route", "key")}
    return IdempotencyKey.objects.filter(**scope)


def mine(row: IdempotencyKey) -> Any:
    """The claim itself, for as long as it is this one and unanswered."""
    return same_key(row).filter(holder=row.holder, status=None)
