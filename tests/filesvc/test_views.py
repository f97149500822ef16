"""What each route does for whom, and what every one of them promises."""

from __future__ import annotations

import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connections
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from filesvc import claims
from filesvc.models import File, Status
from filesvc.tasks import process_file
from security import signatures
from security.policy import allowed_types
from tests.client import Answer, call, upload
from tests.conftest import assert_nothing_kept, assert_problem
from tests.filesvc.conftest import MakeFile

pytestmark = pytest.mark.django_db

ID = "0190a6b2-0000-7000-8000-000000000000"
STATE_FIELDS = {"status", "processed", "processed_at", "attempts", "metadata", "failure"}


def without_request_id(answer: Answer) -> bytes:
    return answer.body.replace(answer.headers["x-request-id"].encode(), b"")


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/upload/", "upload"),
        ("GET", "/files/", "read"),
        ("HEAD", "/files/", "read"),
        ("GET", f"/files/{ID}/", "read"),
        ("DELETE", f"/files/{ID}/", "delete"),
        ("GET", f"/files/{ID}/content/", "read"),
        ("GET", f"/files/{ID}/preview/", "read"),
        ("POST", f"/files/{ID}/reprocess/", "upload"),
    ],
)
def test_each_action_needs_its_own_scope_and_admin_is_none(
    make_token: Any, method: str, path: str, scope: str
) -> None:
    others = ",".join({"upload", "read", "delete", "admin"} - {scope})

    refused = call(method, path, token=make_token(scopes=others))
    granted = call(method, path, token=make_token(scopes=scope))

    assert (refused.status, refused.code) == (403, "insufficient_scope")
    assert f'scope="{scope}"' in refused.headers["www-authenticate"]
    assert granted.status not in (401, 403)


@pytest.mark.parametrize(
    ("method", "suffix"),
    [
        *(("GET", ""), ("DELETE", ""), ("GET", "content/"), ("HEAD", "")),
        *(("GET", "preview/"), ("POST", "reprocess/")),
    ],
)
def test_a_file_of_another_owner_looks_exactly_like_none(
    token: str, make_file: MakeFile, method: str, suffix: str
) -> None:
    foreign = make_file(owner="bob", status=Status.PROCESSED)

    of_bob = call(method, f"{foreign.path}{suffix}", token=token)
    unknown = call(method, f"/files/{uuid.uuid4()}/{suffix}", token=token)

    assert (of_bob.status, of_bob.code) == (404, "not_found")
    assert without_request_id(of_bob) == without_request_id(unknown)
    assert of_bob.headers.keys() == unknown.headers.keys()
    assert File.objects.filter(id=foreign.id).exists()


@pytest.mark.parametrize("scopes", ["read,admin", "read,delete,admin"])
def test_the_admin_scope_sees_a_file_of_another_owner(
    make_token: Any, make_file: MakeFile, scopes: str
) -> None:
    foreign = make_file(owner="bob")

    answer = call("GET", foreign.path, token=make_token(scopes=scopes))

    assert (answer.status, answer.json["owner"]) == (200, "bob")


@pytest.mark.property
@given(text=st.text(st.characters(exclude_characters="/?"), min_size=1, max_size=40))
def test_what_is_no_id_is_refused_as_a_bad_parameter(token: str, text: str) -> None:
    answer = call("GET", f"/files/{quote(text, errors='surrogatepass')}/", token=token)

    problem = assert_problem(answer, 400, "invalid_parameter")
    assert [(fault["in"], fault["name"]) for fault in problem["errors"]] == [("path", "id")]


@pytest.mark.parametrize("form", ["{%s}", "urn:uuid:%s", "%s%%20", "+%s", "%s-"])
def test_only_the_printed_form_of_an_id_is_one(token: str, make_file: MakeFile, form: str) -> None:
    file = make_file()

    assert_problem(call("GET", f"/files/{form % file.id}/", token=token), 400, "invalid_parameter")
    assert call("GET", f"/files/{str(file.id).upper()}/", token=token).status == 200


def test_the_answer_to_an_upload_is_what_is_told_later_but_for_the_state(token: str) -> None:
    created = upload(token, b"hello", "note.txt")
    unprocessed = call("GET", created.headers["location"], token=token)
    process_file(created.json["id"])
    processed = call("GET", created.headers["location"], token=token)

    assert unprocessed.json == created.json
    changed = {key for key, value in processed.json.items() if created.json[key] != value}
    assert changed == STATE_FIELDS - {"failure"}


def test_every_answer_to_an_upload_tells_what_is_left(token: str, settings: Any) -> None:
    settings.UPLOAD_RATE = "2/d"
    answers = [upload(token, content) for content in (b"hello", b"", b"hello")]

    assert [answer.status for answer in answers] == [201, 422, 429]
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"upload";q=2;w=86400'}
    left = [re.findall(r";r=([0-9]+);", answer.headers["ratelimit"]) for answer in answers]
    assert left == [["1"], ["0"], ["0"]]


def test_a_deleted_file_is_gone_with_its_bytes(token: str, storage: Path) -> None:
    path = upload(token, b"hello").headers["location"]

    first, second = call("DELETE", path, token=token), call("DELETE", path, token=token)

    assert (first.status, first.body) == (204, b"")
    assert_problem(second, 404, "not_found")
    assert_nothing_kept(storage)


@pytest.mark.django_db(transaction=True)
def test_of_several_deletions_at_once_one_succeeds(
    token: str, make_file: MakeFile, storage: Path
) -> None:
    path = make_file().path

    def delete(_: int) -> int:
        try:
            return call("DELETE", path, token=token).status
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as threads:
        statuses = sorted(threads.map(delete, range(4)))

    assert statuses == [204, 404, 404, 404]
    assert_nothing_kept(storage)


@pytest.mark.parametrize("status", Status.values)
def test_a_client_is_told_when_to_ask_again_until_the_state_is_final(
    token: str, make_file: MakeFile, status: str
) -> None:
    answer = call("GET", make_file(status=status).path, token=token)

    is_final = status not in (Status.QUEUED, Status.PROCESSING)
    assert answer.headers.get("retry-after") == (None if is_final else "2")


@pytest.mark.parametrize("status", Status.values)
def test_a_file_can_be_deleted_in_every_state(
    token: str, make_file: MakeFile, storage: Path, status: str
) -> None:
    file = make_file(status=status, lease_until=timezone.now())

    assert call("DELETE", file.path, token=token).status == 204

    assert_nothing_kept(storage)


def test_a_worker_that_finishes_after_the_deletion_changes_nothing(
    token: str, make_file: MakeFile, storage: Path
) -> None:
    file = make_file()
    held = claims.claim(file.id)
    assert held is not None

    assert call("DELETE", file.path, token=token).status == 204

    assert claims.finish(held, {"kind": "text"}, has_preview=False) is False
    process_file(str(file.id))
    assert_nothing_kept(storage)


@pytest.mark.parametrize("path", ["/", "/files/", "/policy/", "/health/live", "/nothing"])
def test_a_head_request_gets_the_headers_of_the_get_and_no_body(token: str, path: str) -> None:
    told, asked = call("HEAD", path, token=token), call("GET", path, token=token)

    assert (told.status, told.body) == (asked.status, b"")
    assert told.headers.keys() == asked.headers.keys()
    assert told.headers["content-length"] == str(len(asked.body))


def test_a_token_in_the_address_counts_for_nothing(token: str) -> None:
    assert_problem(call("GET", f"/files/?token={token}"), 401, "authentication_required")


def test_the_policy_page_tells_the_rules_in_force(settings: Any) -> None:
    settings.MAX_UPLOAD_BYTES, settings.UPLOAD_RATE = 1234, "7/h"
    settings.ALLOWED_TYPES = ["image/png", "application/zip"]

    told = call("GET", "/policy/").json

    assert told["max_upload_bytes"] == 1234
    assert told["rate"] == {"limit": 7, "window_seconds": 3600}
    assert [row["media_type"] for row in told["types"]] == ["image/png", "application/zip"]
    assert [tuple(row["extensions"]) for row in told["types"]] == [
        row.extensions for row in allowed_types()
    ]
    assert told["scanner"]["signatures"] == "test-only"


def test_the_policy_page_is_there_while_the_scanner_is_not(
    settings: Any, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CLAMD_ADDRESS = f"unix:{storage}/no-clamd"
    monkeypatch.setattr(signatures, "_remembered", None)

    answer = call("GET", "/policy/")

    assert (answer.status, answer.json["scanner"]) == (200, None)


def test_the_index_links_to_routes_that_exist(token: str) -> None:
    for path in call("GET", "/").json["links"].values():
        assert call("GET", path, token=token).status in (200, 405)
