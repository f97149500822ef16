"""The store's repairs: what no row knows goes in time, what a row promises is checked."""

from __future__ import annotations

import shutil
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import uuid_utils.compat
from django.db import connections

from filesvc.blobs import blob_path
from filesvc.models import File, Status
from filesvc.processing import check_unchanged
from filesvc.repairs import store
from filesvc.stores.places import FILES, PREVIEWS
from tests.client import call
from tests.conftest import assert_problem, kept_files
from tests.filesvc.claiming import row_of
from tests.filesvc.conftest import MakeFile
from tests.filesvc.odd_program import PREVIEW
from tests.filesvc.repairs.repairing import run_repair
from tests.s3 import drop_kept, put_kept, read_kept

pytestmark = pytest.mark.django_db

STALE = ("remove_staging", "remove_orphan_blobs", "remove_orphan_previews")
ON_BOTH_STORES = pytest.mark.usefixtures("kept")
Wait = Callable[[float], None]


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Wait:
    """Let time go by for whoever asks how old a file is."""

    def let_pass(seconds: float) -> None:
        later = time.time() + seconds
        monkeypatch.setattr("filesvc.repairs.store.time", lambda: later)

    return let_pass


def put(path: Path, content: bytes = b"hello") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def leave_behind(storage: Path) -> None:
    """One thing of each kind that a crash can leave."""
    lost = uuid_utils.compat.uuid7()
    put(storage / "staging" / uuid.uuid4().hex)
    put_kept(FILES, lost, b"hello")
    put_kept(PREVIEWS, lost, PREVIEW, ".1")


def left_in(storage: Path) -> int:
    """How many things are staged or kept."""
    return len(list((storage / "staging").iterdir())) + len(read_kept())


@ON_BOTH_STORES
@pytest.mark.parametrize(("age_seconds", "left"), [(59 * 60, 3), (61 * 60, 0)])
def test_what_a_crash_left_goes_after_an_hour_and_not_before(
    storage: Path, wait: Wait, age_seconds: int, left: int
) -> None:
    leave_behind(storage)
    wait(age_seconds)

    removed = sum(run_repair(name) for name in STALE)

    assert (removed, left_in(storage)) == (3 - left, left)


@ON_BOTH_STORES
def test_a_database_that_knows_little_of_what_is_stored_is_not_believed(
    storage: Path, wait: Wait, monkeypatch: pytest.MonkeyPatch, log_events: list[dict[str, Any]]
) -> None:
    monkeypatch.setattr(store, "MANY_ORPHANS", 2)
    for _ in range(3):
        leave_behind(storage)
    wait(2 * 3600)

    assert run_repair("remove_orphan_blobs") == 0

    assert [event["orphans"] for event in log_events if "too_many" in event["event"]] == [3]
    assert left_in(storage) == 9


@ON_BOTH_STORES
def test_what_has_a_row_stays_however_old_it_is(
    storage: Path, wait: Wait, make_file: MakeFile
) -> None:
    file = make_file(status=Status.PROCESSED, preview_fence=3)
    put_kept(PREVIEWS, file.id, PREVIEW, ".3")
    before = read_kept()
    wait(365 * 24 * 3600)

    assert [run_repair(name) for name in STALE] == [0, 0, 0]

    assert read_kept() == before


@ON_BOTH_STORES
def test_pictures_of_claims_that_never_finished_go(
    storage: Path, wait: Wait, make_file: MakeFile
) -> None:
    file = make_file(status=Status.PROCESSED, preview_fence=3)
    for fence in (1, 2, 3):
        put_kept(PREVIEWS, file.id, PREVIEW, f".{fence}")
    wait(2 * 3600)

    assert run_repair("remove_orphan_previews") == 2

    assert set(read_kept()) == {file.id.hex, f"{file.id.hex}.3"}


def test_bytes_that_were_renamed_just_now_are_young_whenever_they_were_written(
    storage: Path, wait: Wait
) -> None:
    staged = put(storage / "staging" / "slow")
    wait(2 * 3600)
    later = time.time()
    target = blob_path(uuid_utils.compat.uuid7())
    target.parent.mkdir(parents=True)
    staged.rename(target)

    # The rename happened at the true time, which is two hours before the one we are asked at.
    assert [path.name for path in store.find_orphan_blobs()] == [target.name]
    assert target.stat().st_ctime > later - 2 * 3600 - 60


@pytest.mark.parametrize("name", ["lost+found", "README", "00" * 15, "zz" * 16, "a" * 32 + ".1"])
def test_a_name_that_is_none_of_ours_among_the_files_is_an_orphan_too(
    storage: Path, wait: Wait, name: str
) -> None:
    put(storage / FILES / "00" / name)
    put(storage / PREVIEWS / "00" / name)
    wait(2 * 3600)

    assert [run_repair(name) for name in STALE] == [0, 1, 1]


def test_two_sweepers_remove_each_orphan_once(
    storage: Path, wait: Wait, transactional_db: None
) -> None:
    for _ in range(30):
        leave_behind(storage)
    wait(2 * 3600)
    together = threading.Barrier(2)

    def sweep_at_once(_: int) -> int:
        together.wait(timeout=20)
        try:
            return sum(run_repair(name) for name in STALE)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as threads:
        assert sum(threads.map(sweep_at_once, range(2))) == 90

    assert kept_files(storage) == []


@ON_BOTH_STORES
@pytest.mark.parametrize("damage", ["gone", "shorter"])
def test_a_row_whose_bytes_are_gone_is_told_of_and_left(
    make_file: MakeFile, log_events: list[dict[str, Any]], damage: str
) -> None:
    whole, broken = (make_file(status=Status.PROCESSED) for _ in range(2))
    drop_kept(FILES, broken.id)
    if damage == "shorter":
        put_kept(FILES, broken.id, b"hell")
    before = row_of(broken)

    assert run_repair("audit_rows") == 1

    assert row_of(broken) == before
    told = [event for event in log_events if event["event"] == "audit.bytes_missing"]
    assert [event["file_id"] for event in told] == [str(broken.id)]
    assert str(whole.id) not in str(log_events)


@ON_BOTH_STORES
def test_a_file_that_is_deleted_while_the_rows_are_read_is_not_missing(
    make_file: MakeFile,
) -> None:
    files = [make_file(status=Status.PROCESSED) for _ in range(2)]
    for file in files:
        drop_kept(FILES, file.id)

    found = store.find_rows_without_bytes()
    first = next(found)
    File.objects.exclude(id=first.id).delete()

    assert list(found) == []


def test_a_store_that_is_not_there_says_nothing_about_its_files(
    make_file: MakeFile, storage: Path
) -> None:
    make_file(status=Status.PROCESSED)
    shutil.rmtree(storage / FILES)

    with pytest.raises(OSError, match=FILES):
        run_repair("audit_rows")

    assert run_repair("audit_digests") == 0


@ON_BOTH_STORES
def test_bytes_that_changed_behind_their_row_are_handed_out_no_more(
    make_file: MakeFile, token: str
) -> None:
    file = make_file(b"hello", status=Status.PROCESSED)
    put_kept(FILES, file.id, b"jello")

    assert run_repair("audit_digests") == 1

    told = call("GET", file.path, token=token).json
    assert (told["status"], told["processed"]) == ("failed", False)
    assert told["failure"]["code"] == "content_changed"
    assert_problem(call("GET", f"{file.path}content/", token=token), 409, "state_conflict")


@pytest.fixture
def many(make_file: MakeFile) -> list[File]:
    return [make_file(b"hello", status=Status.PROCESSED) for _ in range(30)]


@ON_BOTH_STORES
def test_each_audit_reads_a_few_files_from_a_random_one_on(
    many: list[File], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def record(file: File, source: Any) -> None:
        read.append(str(file.id))
        check_unchanged(file, source)

    monkeypatch.setattr("filesvc.repairs.store.check_unchanged", record)
    sizes = []
    for _ in range(20):
        read.clear()
        assert run_repair("audit_digests") == 0
        assert read == sorted(read)
        sizes.append((len(read), read[0]))

    assert all(1 <= count <= store.AUDIT_FILES for count, _ in sizes)
    assert len({first for _, first in sizes}) > 1
