"""When nginx is asked to send the bytes, and when this service sends them itself."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from filesvc.blobs import blob_path
from filesvc.models import File, Status
from filesvc.previews import preview_path, save_preview
from tests.client import Answer, call
from tests.filesvc.conftest import MakeFile
from tests.filesvc.odd_program import PREVIEW

pytestmark = pytest.mark.django_db

HEADER = "x-accel-redirect"


@pytest.fixture(autouse=True)
def edge_in_front(settings: Any) -> None:
    """An nginx at the address the test client speaks from."""
    settings.ACCEL_LOCATION = "/__kept/"
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1/32")]


@pytest.fixture
def file(make_file: MakeFile) -> File:
    """A processed file with a picture."""
    made = make_file(b"hello world", status=Status.PROCESSED, preview_fence=1)
    save_preview(made.id, 1, PREVIEW)
    return made


def fetch(
    token: str, file: File, kind: str = "content", method: str = "GET", **more: str
) -> Answer:
    return call(method, f"{file.path}{kind}/", token=token, headers=more)


def test_nginx_is_told_where_the_bytes_lie_in_the_store_and_nothing_of_the_machine(
    token: str, file: File
) -> None:
    told = {kind: fetch(token, file, kind).headers[HEADER] for kind in ("content", "preview")}

    name = file.id.hex
    assert told == {
        "content": f"/__kept/files/{name[-2:]}/{name}",
        "preview": f"/__kept/previews/{name[-2:]}/{name}.1",
    }
    assert str(blob_path(file.id)).endswith(told["content"].removeprefix("/__kept/"))
    assert str(preview_path(file.id, 1)).endswith(told["preview"].removeprefix("/__kept/"))


def test_the_answer_says_of_the_bytes_what_it_would_say_with_them(token: str, file: File) -> None:
    answer = fetch(token, file)

    assert answer.body == b""
    assert answer.headers["etag"] == f'"{file.sha256}"'
    assert answer.headers["content-type"] == file.media_type
    assert answer.headers["content-disposition"] == 'attachment; filename="note.txt"'
    assert answer.headers["content-security-policy"].startswith("sandbox")


@pytest.mark.parametrize("value", ["bytes=0-3", "bytes=-2", "bytes=6-"])
def test_a_range_that_counts_is_cut_by_nginx(token: str, file: File, value: str) -> None:
    assert HEADER in fetch(token, file, Range=value).headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Range": "bytes=5-2"},
        {"Range": "bytes=0-1,3-4"},
        {"Range": "bytes=0-9999999999999999999"},
        {"Range": "bytes=0-1", "If-Range": '"other"'},
        {"If-Match": '"other"'},
        {"If-Unmodified-Since": "Mon, 23 Nov 1999 00:00:00 GMT"},
    ],
)
def test_what_nginx_would_answer_otherwise_is_answered_here(
    token: str, file: File, headers: dict[str, str]
) -> None:
    answer = fetch(token, file, **headers)

    assert answer.status in (200, 206)
    assert HEADER not in answer.headers
    assert answer.body == b"hello world"


@pytest.mark.parametrize("kind", ["content", "preview"])
def test_a_head_request_is_answered_here(token: str, file: File, kind: str) -> None:
    answer = fetch(token, file, kind, "HEAD")

    assert HEADER not in answer.headers
    assert int(answer.headers["content-length"]) == len(
        PREVIEW if kind == "preview" else b"hello world"
    )


@pytest.mark.parametrize("kind", ["content", "preview"])
@pytest.mark.parametrize("change", [{"TRUSTED_PROXIES": []}, {"ACCEL_LOCATION": None}])
def test_without_a_trusted_nginx_the_service_sends_the_bytes(
    token: str, file: File, settings: Any, kind: str, change: dict[str, Any]
) -> None:
    for name, value in change.items():
        setattr(settings, name, value)

    answer = fetch(token, file, kind)

    assert HEADER not in answer.headers
    assert answer.body == (PREVIEW if kind == "preview" else b"hello world")


@pytest.mark.parametrize("left", [None, b"hello"])
def test_bytes_that_are_gone_or_cut_are_refused_before_nginx_is_asked(
    token: str, file: File, left: bytes | None
) -> None:
    blob_path(file.id).unlink()
    if left is not None:
        blob_path(file.id).write_bytes(left)

    answer = fetch(token, file)

    assert (answer.status, answer.code) == (503, "storage_unavailable")
    assert HEADER not in answer.headers


@pytest.mark.parametrize("status", [Status.QUEUED, Status.FAILED, Status.QUARANTINED])
def test_a_file_that_is_not_handed_out_is_not_left_to_nginx_either(
    token: str, make_file: MakeFile, status: Status
) -> None:
    answer = fetch(token, make_file(status=status))

    assert answer.status in (403, 409)
    assert HEADER not in answer.headers
