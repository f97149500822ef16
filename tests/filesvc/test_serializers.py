"""The JSON shape other people's scripts rely on."""

from __future__ import annotations

import json
import re
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.renderers import JSONRenderer

from filesvc.models import File, Status
from filesvc.serializers import FileSerializer, ListQuery, tell_row
from filesvc.tasks import process_file
from tests.client import call, upload
from tests.filesvc.conftest import MakeFile, new_row

MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{6})?Z"
# name -> type, in the order in which the fields are told
FIELDS: dict[str, type | tuple[type, ...]] = {
    "id": str,
    "file": str,
    "name": str,
    "size": int,
    "sha256": str,
    "media_type": str,
    "uploaded_at": str,
    "processed": bool,
    "processed_at": (str, type(None)),
    "status": str,
    "progress": (dict, type(None)),
    "attempts": int,
    "failure": (dict, type(None)),
    "metadata": dict,
    "preview": (str, type(None)),
    "scan": dict,
}
MOMENTS = st.datetimes(timezones=st.just(UTC))
ROWS = st.builds(
    new_row,
    id=st.uuids(version=4),
    name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50),
    size_bytes=st.integers(min_value=1, max_value=2**40),
    media_type=st.sampled_from(["text/plain", "image/png"]),
    uploaded_at=MOMENTS,
    processed_at=st.none() | MOMENTS,
    status=st.sampled_from(Status.values),
    attempts=st.integers(min_value=0, max_value=5),
    metadata=st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=3),
)


def tell(file: File) -> dict[str, Any]:
    return tell_row(file, shows_owner=False)


@given(ROWS, st.booleans())
def test_a_row_is_told_as_the_documented_form_says(file: File, shows_owner: bool) -> None:
    file.owner = get_user_model()(username="alice")
    documented = FileSerializer(file, context={"shows_owner": shows_owner}).data

    told = tell_row(file, shows_owner=shows_owner)

    assert list(told.items()) == list(documented.items())


@pytest.mark.django_db
def test_the_answer_to_an_upload_has_the_fixed_fields_and_types(token: str) -> None:
    told = upload(token, b"hello", "note.txt").json

    assert list(told) == list(FIELDS)
    for name, kind in FIELDS.items():
        assert isinstance(told[name], kind), name
    assert told == told | {
        "file": f"/files/{told['id']}/content/",
        "name": "note.txt",
        "size": 5,
        "sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
        "media_type": "text/plain",
        "processed": False,
        "processed_at": None,
        "status": "queued",
        "progress": None,
        "attempts": 0,
        "failure": None,
        "metadata": {},
        "preview": None,
    }
    assert list(told["scan"]) == ["engine", "signatures", "scanned_at"]
    assert uuid.UUID(told["id"]).version == 7


@pytest.mark.django_db
def test_every_time_is_utc_and_ends_in_z(token: str) -> None:
    created = upload(token, b"hello").json
    process_file(created["id"])

    told = call("GET", f"/files/{created['id']}/", token=token).json

    for moment in (told["uploaded_at"], told["processed_at"], told["scan"]["scanned_at"]):
        assert re.fullmatch(MOMENT, moment)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/files/", "/files/{id}/"])
@pytest.mark.parametrize("scopes", ["read", "read,admin"])
def test_the_owner_is_told_to_the_admin_scope_alone(
    make_token: Any, make_file: MakeFile, path: str, scopes: str
) -> None:
    file = make_file(owner="alice")

    answer = call("GET", path.format(id=file.id), token=make_token("alice", scopes)).json

    told = answer["results"][0] if "results" in answer else answer
    assert told.get("owner") == ("alice" if "admin" in scopes else None)
    assert set(told) - {"owner"} == set(FIELDS)


@pytest.mark.django_db
def test_a_failure_is_told_whole(token: str, make_file: MakeFile) -> None:
    failure = {"code": "source_missing", "retryable": False, "meta": {}}
    file = make_file(status=Status.FAILED, failure=failure)

    assert call("GET", file.path, token=token).json["failure"] == failure


@pytest.mark.property
@given(file=ROWS)
def test_any_row_is_told_as_it_is(file: File) -> None:
    told = json.loads(JSONRenderer().render(tell(file)))

    assert told["id"] == str(file.id)
    assert told["file"] == f"/files/{file.id}/content/"
    assert (told["name"], told["size"], told["metadata"]) == (
        file.name,
        file.size_bytes,
        file.metadata,
    )
    assert datetime.fromisoformat(told["uploaded_at"]) == file.uploaded_at
    assert re.fullmatch(MOMENT, told["uploaded_at"])
    assert (told["processed_at"] is None) == (file.processed_at is None)
    assert (told["status"] == "processed") == told["processed"]
    assert "owner" not in told


def test_nothing_internal_is_told() -> None:
    told = tell(new_row(id=uuid.uuid4()))

    internal = {"fence", "lease_until", "notified_at", "request_id", "owner_id", "size_bytes"}
    assert not internal & set(told)


def test_the_list_takes_the_documented_parameters() -> None:
    assert set(ListQuery().fields) == {
        "page_size",
        "cursor",
        "processed",
        "status",
        "media_type",
        "uploaded_after",
        "uploaded_before",
        "sha256",
    }
