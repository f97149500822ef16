"""What whoever watches the log is told of each refusal: what, who and where from, in one line."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from tests import samples
from tests.client import Answer, call, upload

pytestmark = pytest.mark.django_db

Events = list[dict[str, Any]]
MakeToken = Callable[..., str]
ADDRESS = "192.0.2.7"


def refusals_in(events: Events) -> Events:
    """The lines about refusals and failures."""
    return [event for event in events if event["event"] in ("request.refused", "request.failed")]


def test_a_finding_is_one_line_that_says_what_who_and_where(
    make_token: MakeToken, log_events: Events
) -> None:
    token = make_token("alice")
    alice = get_user_model().objects.get(username="alice")

    upload(token, samples.EICAR, REMOTE_ADDR=ADDRESS)

    line = only(refusals_in(log_events))
    assert line["code"] == "malware_detected"
    assert line["note"] == "Filesvc.Test.EICAR.UNOFFICIAL"
    assert (line["client"], line["user_id"]) == (ADDRESS, alice.pk)
    assert line["sha256"] == hashlib.sha256(samples.EICAR).hexdigest()


CASES: dict[str, tuple[Callable[[MakeToken], Answer], str]] = {
    "a token that is none": (
        lambda _: call("GET", "/files/", token="wrong", REMOTE_ADDR=ADDRESS),
        "invalid_token",
    ),
    "no token": (
        lambda _: call("GET", "/files/", REMOTE_ADDR=ADDRESS),
        "authentication_required",
    ),
    "a scope that is missing": (
        lambda make: upload(make("bob", "read"), b"hello", REMOTE_ADDR=ADDRESS),
        "insufficient_scope",
    ),
    "a gate that refuses": (
        lambda make: upload(make(), b"hello", "a.php", REMOTE_ADDR=ADDRESS),
        "extension_not_allowed",
    ),
    "a method nobody has": (
        lambda make: call("PUT", "/files/", token=make(), REMOTE_ADDR=ADDRESS),
        "method_not_allowed",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_refusal_is_one_line_with_its_code_and_caller(
    make_token: MakeToken, log_events: Events, case: str
) -> None:
    make, code = CASES[case]

    answer = make(make_token)

    line = only(refusals_in(log_events))
    assert (line["code"], line["client"]) == (code, ADDRESS)
    assert line["request_id"] == answer.headers["x-request-id"]


def test_the_limiter_refusing_is_one_line_too(
    make_token: MakeToken, settings: Any, log_events: Events
) -> None:
    settings.UPLOAD_RATE = "1/h"
    token = make_token("carol")
    upload(token, b"one")

    upload(token, b"two", REMOTE_ADDR=ADDRESS)

    assert only(refusals_in(log_events))["code"] == "rate_limited"


def only(lines: Events) -> dict[str, Any]:
    """The one line there must be."""
    assert len(lines) == 1, lines
    return lines[0]
