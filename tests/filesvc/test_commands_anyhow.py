"""Tokens as an operator issues, lists and revokes them, in any order, against a dictionary."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from filesvc.models import Token
from security.tokens import Scope
from tests.client import call

pytestmark = pytest.mark.django_db

issued = st.lists(
    st.tuples(
        st.sampled_from(["alice", "bob", "o'neill", "a b"]),
        st.sets(st.sampled_from([scope.value for scope in Scope]), min_size=1),
        st.none() | st.integers(1, 1000),
        st.booleans(),
    ),
    max_size=4,
)


def run(*arguments: str) -> str:
    """What the command prints."""
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


@settings(max_examples=25)
@given(issued=issued)
def test_the_list_is_what_was_issued_and_not_revoked(
    issued: list[tuple[str, set[str], int | None, bool]],
) -> None:
    Token.objects.all().delete()
    expected, secrets = {}, []
    for name, scopes, hours, is_revoked in issued:
        lasting = ["--ttl-hours", str(hours)] if hours else []
        token = run("issue_token", name, "--scopes", ",".join(sorted(scopes)), *lasting).strip()
        secrets.append(token)
        if is_revoked:
            assert run("revoke_token", token[:15]).strip() == "revoked"
            with pytest.raises(CommandError):
                run("revoke_token", token[:15])
            assert call("GET", "/files/", token=token).status == 401
        else:
            expected[token[:15]] = (name, ",".join(sorted(scopes)), bool(hours))
            assert call("GET", "/files/", token=token).status == (200 if "read" in scopes else 403)

    listed = run("list_tokens")

    rows = [line.split("\t") for line in listed.splitlines()]
    assert {
        row[0]: (row[1], ",".join(sorted(row[2].split(","))), row[4] != "never") for row in rows
    } == expected
    assert not [token for token in secrets if token in listed]
