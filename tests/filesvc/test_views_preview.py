"""The picture of a file over HTTP: gated like the content, shown in place, never run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from filesvc.models import File, Status
from filesvc.previews import save_preview
from filesvc.tasks import process_file
from tests import samples
from tests.client import Answer, call, upload
from tests.conftest import assert_nothing_kept, assert_problem
from tests.filesvc.conftest import MakeFile
from tests.filesvc.odd_program import PREVIEW
from tests.s3 import read_kept

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("kept")]

REFUSALS = {
    Status.QUEUED: (409, "file_not_ready"),
    Status.PROCESSING: (409, "file_not_ready"),
    Status.FAILED: (409, "state_conflict"),
    Status.QUARANTINED: (403, "file_quarantined"),
}


def pictured(make_file: MakeFile, **more: Any) -> File:
    file = make_file(status=Status.PROCESSED, preview_fence=1, **more)
    save_preview(file.id, 1, PREVIEW)
    return file


def look(file: File, token: str, method: str = "GET", **more: Any) -> Answer:
    return call(method, f"{file.path}preview/", token=token, **more)


def test_it_is_a_picture_that_is_shown_and_not_run(token: str, make_file: MakeFile) -> None:
    file = pictured(make_file)

    answer = look(file, token)

    assert (answer.status, answer.body) == (200, PREVIEW)
    assert answer.headers["content-type"] == "image/webp"
    assert answer.headers["content-disposition"] == "inline"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["etag"] == f'"{file.id.hex}-1"'
    policy = answer.headers["content-security-policy"]
    assert {"sandbox", "default-src 'none'"} <= {part.strip() for part in policy.split(";")}
    assert call("GET", file.path, token=token).json["preview"] == f"{file.path}preview/"


def test_head_tells_the_same_without_the_bytes(token: str, make_file: MakeFile) -> None:
    file = pictured(make_file)

    shown, told = look(file, token), look(file, token, "HEAD")

    assert (told.status, told.body) == (200, b"")
    unlike = {"x-request-id"}
    assert {k: v for k, v in told.headers.items() if k not in unlike} == {
        k: v for k, v in shown.headers.items() if k not in unlike
    }


@pytest.mark.parametrize("known", ['"{tag}"', 'W/"{tag}"', '"other", "{tag}"', "*"])
def test_who_has_it_gets_it_no_second_time(token: str, make_file: MakeFile, known: str) -> None:
    file = pictured(make_file)
    condition = known.format(tag=f"{file.id.hex}-1")

    answer = look(file, token, headers={"If-None-Match": condition})

    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["etag"] == f'"{file.id.hex}-1"'


def test_who_has_an_earlier_one_gets_the_new_one(token: str, make_file: MakeFile) -> None:
    file = pictured(make_file)

    answer = look(file, token, headers={"If-None-Match": f'"{file.id.hex}-0"'})

    assert (answer.status, answer.body) == (200, PREVIEW)


@pytest.mark.parametrize("headers", [{}, {"If-None-Match": "*"}])
def test_a_file_without_one_has_none(
    token: str, make_file: MakeFile, headers: dict[str, str]
) -> None:
    file = make_file(status=Status.PROCESSED)

    assert_problem(look(file, token, headers=headers), 404, "not_found")
    assert call("GET", file.path, token=token).json["preview"] is None


@pytest.mark.parametrize("status", REFUSALS)
def test_it_is_gated_like_the_content(token: str, make_file: MakeFile, status: Status) -> None:
    file = make_file(status=status, preview_fence=1)
    save_preview(file.id, 1, PREVIEW)

    for headers in ({}, {"If-None-Match": "*"}):
        assert_problem(look(file, token, headers=headers), *REFUSALS[status])


def test_a_picture_the_store_has_lost_is_no_empty_answer(token: str, make_file: MakeFile) -> None:
    file = make_file(status=Status.PROCESSED, preview_fence=1)

    assert_problem(look(file, token), 503, "storage_unavailable")


def test_it_is_shown_to_whoever_asks_for_a_picture(token: str, make_file: MakeFile) -> None:
    file = pictured(make_file)

    assert look(file, token, headers={"Accept": "image/avif,image/webp"}).status == 200


def test_it_goes_with_its_file(token: str, make_file: MakeFile, storage: Path) -> None:
    file = pictured(make_file)

    assert call("DELETE", file.path, token=token).status == 204

    assert_problem(look(file, token), 404, "not_found")
    assert_nothing_kept(storage)
    assert read_kept() == {}


def test_a_real_image_gets_one_and_another_when_it_is_processed_again(token: str) -> None:
    told = upload(token, samples.image("PNG", (31, 7)), "a.png").json
    file = File.objects.get(id=told["id"])
    process_file(str(file.id))
    first = look(file, token)

    assert call("POST", f"{file.path}reprocess/", token=token).status == 202
    assert_problem(look(file, token), 409, "file_not_ready")
    process_file(str(file.id))
    second = look(file, token)

    assert (first.body[:4], first.body[8:12]) == (b"RIFF", b"WEBP")
    assert (second.status, second.body) == (200, first.body)
    assert first.headers["etag"] != second.headers["etag"]
    assert set(read_kept()) == {file.id.hex, f"{file.id.hex}.2"}
