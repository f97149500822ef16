"""The contract as one property: whatever is asked, an error is a whole and silent Problem."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from errors.catalogue import CATALOGUE
from filesvc.models import File, Status
from security.upload import STAGING
from tests.client import Answer, call
from tests.conftest import assert_problem
from tests.contract.any_request import AnyRequest, any_requests
from tests.filesvc.conftest import MakeFile

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_limits")]

GIVEAWAYS = (
    "Traceback",
    'File "',
    "Error:",
    "django",
    "rest_framework",
    "<html",
    "/site-packages/",
)
SCOPES = {"alice": "upload,read,delete", "reader": "read", "admin": "upload,read,delete,admin"}
# 2,000 with the profile of the gates, 500 with the one for a quick look.
MANY = settings(
    max_examples=settings().max_examples * 20,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def tokens(make_token: Callable[..., str]) -> dict[str, str]:
    return {name: make_token(name, scopes) for name, scopes in SCOPES.items()}


@pytest.mark.property
@MANY
@given(asked=any_requests(), status=st.sampled_from(Status.values))
def test_any_request_is_served_or_refused_by_a_problem_that_repeats_nothing(
    asked: AnyRequest, status: str, tokens: dict[str, str], make_file: MakeFile, storage: Path
) -> None:
    target = asked.target
    if "{id}" in target:
        target = target.replace("{id}", str(make_file(owner="alice", status=status).id))
    rows, started = File.objects.count(), time.monotonic()

    answer = call(
        asked.method,
        target,
        token=tokens.get(asked.client),
        headers=asked.headers,
        body=asked.body,
        **asked.environ,
    )

    note(f"{answer.status} {answer.headers} {answer.body[:300]!r}")
    assert time.monotonic() - started < 5
    assert answer.status in (200, 201, 202, 204, 206, 304) or 400 <= answer.status < 500
    assert list((storage / STAGING).iterdir()) == []
    if answer.status >= 400:
        assert File.objects.count() == rows
        assert_contract(answer, is_head=asked.method == "HEAD")
        assert_silent(answer, asked.plant)


def assert_contract(answer: Answer, *, is_head: bool) -> None:
    code = str(answer.code)
    assert CATALOGUE[code].status == answer.status
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])
    assert ("retry-after" in answer.headers) is CATALOGUE[code].retryable
    if is_head:
        assert answer.body == b""
    else:
        assert_problem(answer, answer.status, code)


def assert_silent(answer: Answer, plant: str) -> None:
    """Nothing of the client's and nothing of our insides stands in the answer."""
    sent = answer.body.decode("ascii") + "\n".join(answer.headers.values())
    assert not [word for word in GIVEAWAYS if word in sent]
    assert not [plant[at : at + 8] for at in range(len(plant) - 7) if plant[at : at + 8] in sent]
