"""Asynchronous failures: told inside the File, which says when to ask again (CONTRACT.md 6)."""

from __future__ import annotations

import pytest

from filesvc.models import Status
from filesvc.tasks import process_file
from tests.client import call
from tests.filesvc.conftest import MakeFile

pytestmark = pytest.mark.django_db

FAILURE = {
    *("type", "title", "code", "detail", "retryable", "errors", "meta"),
    *("occurred_at", "origin_request_id"),
}


@pytest.mark.parametrize("status", Status.values)
def test_a_file_on_its_way_says_when_to_ask_again(
    token: str, make_file: MakeFile, status: str
) -> None:
    answer = call("GET", make_file(status=status).path, token=token)

    waits = "2" if status in ("queued", "processing") else None
    assert (answer.status, answer.headers.get("retry-after")) == (200, waits)


def test_its_content_is_told_to_wait_as_long(token: str, make_file: MakeFile) -> None:
    path = make_file(status=Status.QUEUED).path

    content = call("GET", f"{path}content/", token=token)

    assert content.headers["retry-after"] == call("GET", path, token=token).headers["retry-after"]


def test_a_failure_is_a_problem_without_its_http_parts(token: str, make_file: MakeFile) -> None:
    file = make_file(b"no picture", media_type="image/png", request_id="ab" * 16)
    process_file(str(file.id))

    told = call("GET", file.path, token=token).json

    assert (told["status"], told["processed"]) == ("failed", False)
    assert set(told["failure"]) == FAILURE
    assert told["failure"]["code"] == "corrupt_content"
    assert told["failure"]["origin_request_id"] == "ab" * 16
    assert told["failure"]["occurred_at"].endswith("Z")
