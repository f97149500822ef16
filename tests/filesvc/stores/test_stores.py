"""A store, whichever it is: what is put there comes back, is listed, and goes."""

from __future__ import annotations

import time
import uuid
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import catalogue
from filesvc.blobs import delete_blob, open_blob, open_span, promote
from filesvc.models import File
from filesvc.stores import current_store
from filesvc.stores.places import FILES, PREVIEWS
from tests.conftest import kept_files
from tests.filesvc.conftest import new_row
from tests.filesvc.stores.staging import staged_clean
from tests.s3 import TestBucket, drop_kept, put_kept, read_kept

pytestmark = pytest.mark.usefixtures("kept")

ID = uuid.UUID("0190a6b2-0000-7000-8000-0000000000ab")
STATES = st.sampled_from(["whole", "shorter", "gone"])


def staged_files(storage: Path) -> list[Path]:
    return [path for path in (storage / "staging").iterdir() if path.is_file()]


@pytest.mark.parametrize("content", [b"h", b"hello" * 100_000])
def test_promoted_bytes_come_back_and_leave_staging(storage: Path, content: bytes) -> None:
    with staged_clean(content) as clean:
        promote(clean, ID)

    with open_blob(ID, len(content)) as source:
        assert source.read() == content
    assert read_kept() == {ID.hex: content}
    assert staged_files(storage) == []


def test_staged_bytes_can_still_be_read_after_they_were_promoted() -> None:
    with staged_clean(b"hello") as clean:
        promote(clean, ID)
        assert clean.staged.descriptor > 0
        with open(f"/proc/self/fd/{clean.staged.descriptor}", "rb") as source:
            assert source.read() == b"hello"


def test_opened_bytes_are_a_file_that_can_be_read_twice_and_not_written() -> None:
    put_kept(FILES, ID, b"hello")

    with open_blob(ID, 5) as source:
        assert source.read() == b"hello"
        source.seek(0)
        assert source.read(2) == b"he"
        assert source.fileno() > 0
        assert not source.writable()


def test_what_is_not_there_is_missing() -> None:
    with pytest.raises(catalogue.SourceMissing):
        open_blob(ID, 5)
    with pytest.raises(catalogue.StorageUnavailable, match="source missing"):
        open_span(ID, 5, 0, 5)


def test_what_was_removed_is_gone_and_removing_it_twice_is_no_error() -> None:
    put_kept(FILES, ID, b"hello")

    delete_blob(ID)
    delete_blob(ID)

    assert read_kept() == {}


@pytest.mark.parametrize(("first", "length"), [(0, 10), (3, 4), (9, 1)])
def test_a_span_is_that_part_of_the_bytes(first: int, length: int) -> None:
    put_kept(FILES, ID, b"0123456789")

    with open_span(ID, 10, first, length) as source:
        assert source.read(length) == b"0123456789"[first : first + length]


@pytest.mark.parametrize("kept_bytes", [b"", b"012345678", b"0123456789!"])
def test_bytes_that_are_not_as_many_as_they_were_are_handed_out_in_no_part(
    kept_bytes: bytes,
) -> None:
    put_kept(FILES, ID, kept_bytes)

    with pytest.raises(catalogue.StorageUnavailable):
        open_span(ID, 10, 0, 5)


def test_everything_of_a_kind_is_listed_with_its_size_and_age() -> None:
    put_kept(FILES, ID, b"hello")
    put_kept(PREVIEWS, ID, b"picture", ".1")

    (listed,) = current_store().list(FILES)

    assert (listed.name, listed.size_bytes, listed.upload_id) == (ID.hex, 5, "")
    assert abs(time.time() - listed.named_at) < 60
    assert [stored.name for stored in current_store().list(PREVIEWS)] == [f"{ID.hex}.1"]


def test_the_same_thing_is_listed_as_the_same_twice() -> None:
    put_kept(FILES, ID, b"hello")

    assert set(current_store().list(FILES)) == set(current_store().list(FILES))


@settings(max_examples=20)
@given(states=st.lists(STATES, max_size=6))
def test_files_whose_bytes_are_gone_or_fewer_are_found_and_no_others(states: list[str]) -> None:
    files = sorted((new_row(id=uuid.uuid4()) for _ in states), key=lambda file: file.id)
    for file, state in zip(files, states, strict=True):
        if state != "gone":
            put_kept(FILES, file.id, b"hello" if state == "whole" else b"hell")

    found = [file.id for file in current_store().find_lacking(files)]

    assert found == [file.id for file, state in zip(files, states, strict=True) if state != "whole"]
    for file in files:
        drop_kept(FILES, file.id)


def test_what_has_no_row_in_between_does_not_confuse_the_search() -> None:
    files = [new_row(id=uuid.UUID(int=number << 64)) for number in (2, 4)]
    for number in (1, 3, 5):
        put_kept(FILES, uuid.UUID(int=number << 64), b"stray")
    put_kept(FILES, files[1].id, b"hello")

    found: list[File] = list(current_store().find_lacking(files))

    assert [file.id for file in found] == [files[0].id]


def test_only_what_is_of_that_id_is_found_by_it() -> None:
    neighbour = uuid.UUID("0190a6b2-ffff-7fff-8fff-ffffffffffab")
    for fence in (1, 12):
        put_kept(PREVIEWS, ID, b"picture", f".{fence}")
    put_kept(PREVIEWS, neighbour, b"picture", ".1")

    found = current_store().places_of(PREVIEWS, ID)

    assert {place.rpartition("/")[2] for place in found} == {f"{ID.hex}.1", f"{ID.hex}.12"}


def test_a_probe_leaves_nothing_among_the_kept_bytes(storage: Path) -> None:
    current_store().probe()

    assert read_kept() == {}
    assert kept_files(storage) == []


def test_bytes_are_only_where_the_store_of_the_settings_is(
    request: pytest.FixtureRequest, storage: Path
) -> None:
    with staged_clean(b"hello") as clean:
        promote(clean, ID)

    if request.node.callspec.params["kept"] == "bucket":
        bucket: TestBucket = request.getfixturevalue("bucket")
        assert bucket.contents() == {f"files/{ID.hex}": b"hello"}
        assert kept_files(storage) == []
    else:
        assert [path.read_bytes() for path in kept_files(storage)] == [b"hello"]


@pytest.mark.django_db
def test_what_lies_between_the_files_of_a_store_is_none_of_them(storage: Path) -> None:
    put_kept(FILES, ID, b"hello")
    (storage / FILES / "folder" / "deeper").mkdir(parents=True)
    (storage / FILES / ".DS_Store").write_bytes(b"left by somebody")

    assert [stored.name for stored in current_store().list(FILES)] == [ID.hex]
