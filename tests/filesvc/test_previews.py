"""Pictures of files: one for each claim, whole and durable before it has its name."""

from __future__ import annotations

import errno
import stat
import uuid
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import catalogue
from filesvc.previews import delete_previews, open_preview, preview_path, save_preview
from filesvc.stores.places import PREVIEWS
from tests.conftest import kept_files
from tests.filesvc.conftest import new_row
from tests.filesvc.odd_program import PREVIEW
from tests.filesvc.test_blobs import StoreCalls, mode_of
from tests.s3 import put_kept, read_kept

ID = uuid.UUID("0190a6b2-0000-7000-8000-0000000000ab")
# It shares its folder with ID.
NEIGHBOUR = uuid.UUID("0190a6b2-ffff-7fff-8fff-ffffffffffab")
FENCES = st.integers(0, 2**31)
ON_BOTH_STORES = pytest.mark.usefixtures("kept")


@pytest.fixture
def store_calls(storage: Path, monkeypatch: pytest.MonkeyPatch) -> StoreCalls:
    return StoreCalls(storage, monkeypatch)


@pytest.mark.property
@given(first=st.tuples(st.uuids(), FENCES), second=st.tuples(st.uuids(), FENCES))
def test_a_preview_has_a_fixed_name_made_of_the_id_and_the_fence_alone(
    storage: Path, first: tuple[uuid.UUID, int], second: tuple[uuid.UUID, int]
) -> None:
    file_id, fence = first

    inside = preview_path(file_id, fence).relative_to(storage)
    assert inside.parts == ("previews", file_id.hex[-2:], f"{file_id.hex}.{fence}")
    assert (preview_path(*first) == preview_path(*second)) == (first == second)


def test_a_preview_and_its_folder_are_private(storage: Path) -> None:
    save_preview(ID, 1, PREVIEW)

    assert kept_files(storage) == [preview_path(ID, 1)]
    assert stat.S_ISREG(preview_path(ID, 1).stat().st_mode)
    assert mode_of(preview_path(ID, 1)) == 0o600
    assert mode_of(preview_path(ID, 1).parent) == 0o700


def test_it_is_durable_before_it_is_named_and_its_name_after(
    storage: Path, store_calls: StoreCalls
) -> None:
    save_preview(ID, 1, PREVIEW)

    folder = storage / "previews" / "ab"
    (_, staged), *rest = store_calls.named("fsync", "mkdir", "rename")
    assert staged.parent == storage / "staging"
    assert rest == [
        ("mkdir", folder),
        ("fsync", folder.parent),
        ("rename", staged),
        ("fsync", folder),
    ]


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.EIO, catalogue.StorageUnavailable),
        (errno.EROFS, catalogue.StorageUnavailable),
        (errno.ENOSPC, catalogue.StorageFull),
        (errno.EDQUOT, catalogue.StorageFull),
    ],
)
def test_a_failure_of_any_call_leaves_the_whole_picture_or_none(
    storage: Path, store_calls: StoreCalls, number: int, error: type[Exception]
) -> None:
    store_calls.error_number = number
    save_preview(ID, 0, PREVIEW)
    calls = [name for name, _ in store_calls.made]
    preview_path(ID, 0).unlink()

    for place in [place for place, name in enumerate(calls, start=1) if name != "close"]:
        preview_path(ID, 0).parent.rmdir()
        store_calls.made.clear()
        store_calls.fail_at = place
        with pytest.raises(error):
            save_preview(ID, 0, PREVIEW)
        assert len(store_calls.made) >= place
        assert [path.read_bytes() for path in kept_files(storage)] in ([], [PREVIEW])
        assert list((storage / "staging").iterdir()) == []
        preview_path(ID, 0).unlink(missing_ok=True)
        preview_path(ID, 0).parent.mkdir(exist_ok=True)


@ON_BOTH_STORES
def test_made_twice_under_one_claim_the_later_one_counts() -> None:
    save_preview(ID, 1, PREVIEW)
    save_preview(ID, 1, PREVIEW + b"later")

    assert list(read_kept().values()) == [PREVIEW + b"later"]


@ON_BOTH_STORES
def test_the_valid_picture_is_the_one_of_the_rows_own_fence() -> None:
    for fence in (1, 2, 3):
        save_preview(ID, fence, PREVIEW + bytes([fence]))

    with open_preview(new_row(id=ID, preview_fence=2)) as source:
        assert source.read() == PREVIEW + b"\x02"


@ON_BOTH_STORES
def test_a_file_without_a_valid_picture_has_none_whatever_lies_there() -> None:
    save_preview(ID, 1, PREVIEW)

    with pytest.raises(catalogue.NotFound):
        open_preview(new_row(id=ID))


@ON_BOTH_STORES
def test_a_picture_that_is_gone_is_a_fault_of_the_store() -> None:
    with pytest.raises(catalogue.StorageUnavailable) as raised:
        open_preview(new_row(id=ID, preview_fence=1))

    assert raised.value.note == "ENOENT"


@ON_BOTH_STORES
@pytest.mark.property
@settings(max_examples=30)
@given(fences=st.sets(st.integers(0, 30), max_size=4), below=st.none() | st.integers(0, 31))
def test_only_the_files_own_pictures_below_the_fence_are_deleted(
    fences: set[int], below: int | None
) -> None:
    for fence in fences:
        put_kept(PREVIEWS, ID, PREVIEW, f".{fence}")
        put_kept(PREVIEWS, NEIGHBOUR, PREVIEW, f".{fence}")

    if below is None:
        delete_previews(ID)
    else:
        delete_previews(ID, below=below)

    left = {fence for fence in fences if below is not None and fence >= below}
    kept = {f"{ID.hex}.{fence}" for fence in left}
    assert set(read_kept()) == kept | {f"{NEIGHBOUR.hex}.{one}" for one in fences}
    delete_previews(ID)
    delete_previews(NEIGHBOUR)


@ON_BOTH_STORES
def test_deleting_what_is_not_there_is_no_error() -> None:
    delete_previews(ID)

    assert read_kept() == {}


def test_a_picture_that_cannot_be_deleted_is_a_fault_of_the_store() -> None:
    preview_path(ID, 1).mkdir(parents=True)

    with pytest.raises(catalogue.StorageUnavailable):
        delete_previews(ID)
