"""Who was given a token, who lost one, and who got which bytes: one line each, and no secret."""

from __future__ import annotations

import io
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command

from filesvc.models import File, Status
from filesvc.previews import save_preview
from tests.client import call
from tests.filesvc.conftest import MakeFile
from tests.filesvc.odd_program import PREVIEW

pytestmark = pytest.mark.django_db

Events = list[dict[str, Any]]
CONTENT = b"the secret content"
NAME = "secret-name.txt"


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue().strip()


def only(events: Events, name: str) -> dict[str, Any]:
    """The one line of that event."""
    found = [event for event in events if event["event"] == name]
    assert len(found) == 1, events
    return found[0]


def handed_out(make_file: MakeFile) -> File:
    """A processed file of bob with a picture."""
    file = make_file(CONTENT, "bob", name=NAME, status=Status.PROCESSED, preview_fence=1)
    save_preview(file.id, 1, PREVIEW)
    return file


def test_a_token_that_is_made_is_one_line_with_its_key_and_without_itself(
    log_events: Events,
) -> None:
    token = run("issue_token", "alice", "--scopes", "read", "--ttl-hours", "1")

    line = only(log_events, "token.issued")
    assert line["user_id"] == get_user_model().objects.get(username="alice").pk
    assert (line["token_key"], line["scopes"]) == (token[:15], ["read"])
    assert line["expires"].endswith("+00:00")
    assert token not in str(log_events)


def test_a_token_that_is_revoked_is_one_line_with_the_same_key(log_events: Events) -> None:
    token = run("issue_token", "alice")

    run("revoke_token", token)

    made, gone = only(log_events, "token.issued"), only(log_events, "token.revoked")
    assert {key: made[key] for key in ("user_id", "token_key")} == {
        key: gone[key] for key in ("user_id", "token_key")
    }
    assert made["expires"] is None
    assert token not in str(log_events)


@pytest.mark.parametrize(
    ("method", "headers", "status", "content_bytes"),
    [
        ("GET", {}, 200, len(CONTENT)),
        ("GET", {"Range": "bytes=0-3"}, 206, 4),
        ("GET", {"If-None-Match": "*"}, 304, 0),
        ("HEAD", {}, 200, 0),
    ],
)
@pytest.mark.parametrize("is_accelerated", [False, True])
def test_a_download_is_one_line_that_says_who_got_what(  # noqa: PLR0917
    make_token: Callable[..., str],
    make_file: MakeFile,
    settings: Any,
    log_events: Events,
    method: str,
    headers: dict[str, str],
    status: int,
    content_bytes: int,
    *,
    is_accelerated: bool,
) -> None:
    if is_accelerated:
        settings.ACCEL_LOCATION = "/__kept/"
        settings.TRUSTED_PROXIES = [ip_network("127.0.0.1/32")]
    file, token = handed_out(make_file), make_token("ada", "read,admin")

    answer = call(method, f"{file.path}content/", token=token, headers=headers)

    line = only(log_events, "content.handed_out")
    ada = get_user_model().objects.get(username="ada")
    assert (line["file_id"], line["owner_id"]) == (str(file.id), file.owner_id)
    assert (line["user_id"], line["token_key"]) == (ada.pk, token[:15])
    assert (line["status"], line["content_bytes"]) == (status, content_bytes)
    assert line["request_id"] == answer.headers["x-request-id"]
    assert not [word for word in (token, NAME, "secret") if word in str(log_events)]


@pytest.mark.parametrize(("headers", "status"), [({}, 200), ({"If-None-Match": "*"}, 304)])
def test_a_picture_that_is_shown_is_one_line_too(
    token: str, make_file: MakeFile, log_events: Events, headers: dict[str, str], status: int
) -> None:
    file = make_file(status=Status.PROCESSED, preview_fence=1)
    save_preview(file.id, 1, PREVIEW)

    answer = call("GET", f"{file.path}preview/", token=token, headers=headers)

    line = only(log_events, "preview.handed_out")
    assert (line["file_id"], line["owner_id"]) == (str(file.id), file.owner_id)
    assert (line["status"], line["token_key"]) == (status, token[:15])
    assert line["content_bytes"] == (len(PREVIEW) if status == 200 else 0)
    assert line["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("kind", ["content", "preview"])
def test_what_is_refused_is_not_told_as_handed_out(
    token: str, make_file: MakeFile, log_events: Events, kind: str
) -> None:
    call("GET", f"{make_file().path}{kind}/", token=token)

    assert only(log_events, "request.refused")["code"] == "file_not_ready"
    assert not [event for event in log_events if event["event"].endswith("handed_out")]
