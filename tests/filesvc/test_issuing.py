"""A token is made once and taken out of force once, and each of it is told in the log."""

from __future__ import annotations

from typing import Any

import pytest

from filesvc.issuing import issue_token, revoke_token
from filesvc.models import Token

pytestmark = pytest.mark.django_db


def test_whoever_comes_second_has_not_revoked_the_token(log_events: list[dict[str, Any]]) -> None:
    made, _ = issue_token("alice", ["read"], None, "laptop")

    assert [revoke_token(made) for _ in range(2)] == [True, False]

    assert Token.objects.count() == 0
    assert [event["event"] for event in log_events] == ["token.issued", "token.revoked"]
