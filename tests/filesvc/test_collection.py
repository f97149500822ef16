"""The collection: each real file is let in, described field by field, and shown."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from filesvc.sandbox import stop_sandbox
from filesvc.serializers import FileSerializer
from security.policy import TYPES
from tests.client import upload
from tests.conftest import assert_nothing_kept, assert_problem, kept_files
from tests.files.collection import COLLECTION, KINDS
from tests.filesvc.sending import EVERY_TYPE, look, send, staged

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_sandbox", "every_type")]

every_sample = pytest.mark.parametrize("name", COLLECTION)
ONE_OF_EACH = list({made.media_type: name for name, made in COLLECTION.items()}.values())
LARGEST_SIDE = 512
# What a picture may carry beside its pixels.
CARRIED = {"exif", "icc_profile", "xmp"}


@pytest.fixture(scope="module")
def one_sandbox() -> Iterator[None]:
    """All of them are described by one confined process, whatever was described before."""
    stop_sandbox()
    yield
    stop_sandbox()


@pytest.fixture
def every_type(settings: Any) -> None:
    """Archives are let in too."""
    settings.ALLOWED_TYPES = EVERY_TYPE


def test_the_collection_has_files_of_every_type_and_each_name_once() -> None:
    samples = COLLECTION.values()

    assert {sample.media_type for sample in samples} == {row.media_type for row in TYPES}
    assert sum(len(kind.SAMPLES) for kind in KINDS) == len(samples) >= 70


@every_sample
def test_a_file_tells_what_it_is(name: str, token: str, storage: Path) -> None:
    sample = COLLECTION[name]

    told = send(token, sample.make(), name)

    assert set(told) == set(FileSerializer().fields) - {"owner"}
    assert (told["name"], told["media_type"]) == (name, sample.media_type)
    assert (told["status"], told["processed"], told["failure"]) == ("processed", True, None)
    assert told["metadata"] == sample.metadata
    assert {name: type(value) for name, value in told["metadata"].items()} == {
        name: type(value) for name, value in sample.metadata.items()
    }
    shown = f"/files/{told['id']}/preview/" if sample.preview else None
    assert told["preview"] == shown
    assert look(token, told).status == (200 if sample.preview else 404)
    assert look(token, told, "content").body == sample.make()
    assert staged(storage) == []


@pytest.mark.parametrize("name", [name for name, made in COLLECTION.items() if made.preview])
def test_a_preview_is_a_small_picture_without_anything_but_its_pixels(
    name: str, token: str
) -> None:
    answer = look(token, send(token, COLLECTION[name].make(), name))

    assert (answer.status, answer.headers["content-type"]) == (200, "image/webp")
    with Image.open(io.BytesIO(answer.body)) as picture:
        picture.load()
    assert (picture.format, picture.size) == ("WEBP", COLLECTION[name].preview)
    assert max(picture.size) <= LARGEST_SIDE
    assert CARRIED.isdisjoint(picture.info)
    assert not any(chunk in answer.body for chunk in (b"EXIF", b"ICCP", b"XMP "))


@every_sample
def test_the_same_file_always_tells_and_shows_the_same(
    name: str, token: str, storage: Path
) -> None:
    first, again = COLLECTION[name].make(), COLLECTION[name].make()

    told = [send(token, content, name) for content in (first, again)]

    assert first == again
    assert told[0]["metadata"] == told[1]["metadata"]
    pictures = [path.read_bytes() for path in kept_files(storage / "previews")]
    assert len(pictures) == 2 * bool(COLLECTION[name].preview)
    assert len(set(pictures)) <= 1


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_a_file_under_a_name_of_another_kind_is_refused(
    name: str, token: str, storage: Path
) -> None:
    sample = COLLECTION[name]
    other = "other.jpg" if sample.media_type == "image/png" else "other.png"

    assert_problem(upload(token, sample.make(), other, claimed=None), 422, "content_mismatch")

    assert_nothing_kept(storage)
