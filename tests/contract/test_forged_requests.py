"""Requests that reach for what is ours to set, or for where bytes lie."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesvc.models import File
from tests.client import call, file_part, form, post_form, text_part, upload
from tests.conftest import assert_nothing_kept, assert_problem, kept_files

pytestmark = pytest.mark.django_db

OURS = [
    field.name
    for field in File._meta.get_fields()
    if field.name not in ("sha256",)  # the one that may be sent, to be compared
]


@given(
    name=st.sampled_from([*OURS, "owner_id", "is_staff", "scan[engine]", "file_id", "scopes"]),
    value=st.sampled_from(
        ["processed", "1", "true", "bob", "00000000-0000-7000-8000-000000000000"]
    ),
    first=st.booleans(),
)
def test_no_part_of_a_form_sets_what_is_ours_to_set(
    token: str, storage: Path, name: str, value: str, first: bool
) -> None:
    parts = [file_part(b"hello"), text_part(name, value)]

    answer = post_form(token, form(*(parts[::-1] if first else parts)))

    assert_problem(answer, 400, "unexpected_part")
    assert_nothing_kept(storage)


@given(name=st.sampled_from(OURS), value=st.sampled_from(["processed", "bob", "1"]))
def test_no_query_sets_what_is_ours_to_set(
    token: str, storage: Path, name: str, value: str
) -> None:
    answer = upload(token, b"hello", QUERY_STRING=f"{name}={value}")

    assert answer.status in (201, 400), answer.body
    if answer.status == 201:
        file = File.objects.get(id=answer.json["id"])
        assert (file.status, file.owner.get_username()) == ("queued", "alice")
        file.delete()
        for path in kept_files(storage):
            path.unlink()


def test_no_path_of_the_store_is_an_address(token: str, storage: Path) -> None:
    assert upload(token, b"hello").status == 201
    (kept,) = kept_files(storage)
    inside = kept.relative_to(storage)
    escape = "/files/..%2f..%2f"

    for path in (
        f"/{inside}",
        f"/storage/{inside}",
        f"{kept}",
        f"{escape}{inside}",
        "/static/a.js",
    ):
        for method in ("GET", "HEAD", "POST"):
            answer = call(method, path, token=token)
            assert answer.status in (400, 404, 405), (method, path, answer.status)
            assert b"hello" not in answer.body
