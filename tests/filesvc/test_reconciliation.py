"""Rows and bytes that differ, each way it can be: told by a dry run, mended by a repair."""

from __future__ import annotations

import io
import shutil
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
import uuid_utils.compat
from django.core.management import CommandError, call_command

from errors import catalogue
from filesvc import reconciliation
from filesvc.blobs import open_blob
from filesvc.models import File, Status
from filesvc.repairs import store
from filesvc.stores.places import FILES, PREVIEWS
from tests.client import call
from tests.conftest import kept_files
from tests.filesvc.claiming import row_of, take
from tests.filesvc.conftest import MakeFile
from tests.s3 import TestBucket, drop_kept, put_kept, read_kept

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("kept")]

Spoil = Callable[[File], None]


def run(flag: str) -> tuple[int, list[str]]:
    """The exit status, and the lines that were printed."""
    out = io.StringIO()
    try:
        call_command("reconcile", flag, stdout=out, stderr=io.StringIO())
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue().splitlines()
    return 0, out.getvalue().splitlines()


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever lies in the store has been there for two hours."""
    moment = time.time() + 2 * 3600
    monkeypatch.setattr(store, "time", lambda: moment)


def lose_bytes(file: File) -> None:
    drop_kept(FILES, file.id)


def cut_bytes(file: File) -> None:
    put_kept(FILES, file.id, b"hell")


def change_bytes(file: File) -> None:
    put_kept(FILES, file.id, b"jello")


def stage(storage: Path) -> Path:
    """Something that lies in staging."""
    path = storage / "staging" / uuid.uuid4().hex
    path.write_bytes(b"hello")
    return path


def test_a_store_in_order_differs_in_nothing(make_file: MakeFile, later: None) -> None:
    for status in (Status.PROCESSED, Status.QUEUED, Status.FAILED, Status.QUARANTINED):
        file = make_file(status=status, preview_fence=2 if status == Status.PROCESSED else None)
        if file.preview_fence:
            put_kept(PREVIEWS, file.id, b"picture", ".2")

    assert run("--dry-run") == (0, ["differences: 0"])
    assert run("--repair") == (0, ["differences: 0, repaired: 0"])


@pytest.mark.parametrize("status", [Status.QUEUED, Status.PROCESSED, Status.QUARANTINED])
@pytest.mark.parametrize(
    ("spoil", "kind", "code"),
    [
        (lose_bytes, "bytes missing", "source_missing"),
        (cut_bytes, "bytes changed", "content_changed"),
        (change_bytes, "bytes changed", "content_changed"),
    ],
)
def test_a_row_without_its_bytes_is_told_and_then_failed(
    make_file: MakeFile, status: str, spoil: Spoil, kind: str, code: str
) -> None:
    whole, broken = make_file(status=Status.PROCESSED), make_file(status=status)
    spoil(broken)
    before = row_of(broken)

    exit_status, lines = run("--dry-run")
    assert exit_status == 1
    assert lines[0].split("  ")[0] == kind
    assert str(broken.id) in lines[0]
    assert row_of(broken) == before

    assert run("--repair")[0] == 1
    row = row_of(broken)
    assert (row["status"], row["processed"], row["failure"]["code"]) == ("failed", False, code)
    assert row_of(whole)["status"] == "processed"

    assert run("--repair") == (0, ["differences: 0, repaired: 0"])


def test_a_row_that_was_failed_in_error_comes_back_with_its_bytes(
    make_file: MakeFile, token: str
) -> None:
    file = make_file(status=Status.PROCESSED)
    lose_bytes(file)
    run("--repair")
    put_kept(FILES, file.id, b"hello")

    assert call("POST", f"{file.path}reprocess/", token=token).status == 202


def test_what_no_row_knows_is_told_and_then_removed(
    storage: Path, make_file: MakeFile, later: None
) -> None:
    file = make_file(status=Status.PROCESSED, preview_fence=2)
    put_kept(PREVIEWS, file.id, b"picture", ".2")
    before = read_kept()
    lost = uuid_utils.compat.uuid7()
    put_kept(FILES, lost, b"hello")
    put_kept(PREVIEWS, lost, b"picture", ".1")
    put_kept(PREVIEWS, file.id, b"picture", ".1")
    staged = stage(storage)
    strays = {
        lost.hex: "no row for bytes",
        f"{lost.hex}.1": "no row for preview",
        f"{file.id.hex}.1": "no row for preview",
        staged.name: "left in staging",
    }

    exit_status, lines = run("--dry-run")
    assert (exit_status, lines[-1]) == (1, "differences: 4")
    told = {line.rpartition("/")[2].split()[0]: line[:20].strip() for line in lines[:-1]}
    assert told == strays
    assert len(read_kept()) == len(before) + 3

    exit_status, lines = run("--repair")
    assert (exit_status, lines[-1]) == (1, "differences: 4, repaired: 4")
    assert read_kept() == before
    assert not staged.exists()
    assert run("--dry-run")[0] == 0


def test_what_came_a_moment_ago_may_still_get_its_row(storage: Path) -> None:
    put_kept(FILES, uuid_utils.compat.uuid7(), b"hello")
    stage(storage)

    assert run("--repair") == (0, ["differences: 0, repaired: 0"])
    assert (len(read_kept()), len(kept_files(storage / "staging"))) == (1, 1)


def test_a_preview_that_is_gone_is_told_of_no_more(make_file: MakeFile, token: str) -> None:
    file = make_file(status=Status.PROCESSED, preview_fence=2)

    exit_status, lines = run("--repair")

    assert exit_status == 1
    assert lines[0].startswith("preview missing")
    assert call("GET", file.path, token=token).json["preview"] is None
    assert row_of(file)["status"] == "processed"


def test_a_file_somebody_works_on_is_left_to_them(make_file: MakeFile) -> None:
    held = take(make_file())
    lose_bytes(held.file)

    assert run("--repair")[0] == 0
    assert row_of(held.file)["status"] == "processing"


def test_a_file_that_is_deleted_meanwhile_is_no_difference(
    make_file: MakeFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = make_file(status=Status.PROCESSED)

    def delete_first(*args: object) -> object:
        File.objects.filter(id=file.id).delete()
        lose_bytes(file)
        return real(*args)  # type: ignore[arg-type]  # passed on as they come

    real = open_blob
    monkeypatch.setattr(reconciliation, "open_blob", delete_first)

    assert run("--dry-run") == (0, ["differences: 0"])


def test_a_row_that_was_mended_by_somebody_else_is_left(make_file: MakeFile) -> None:
    file = make_file(status=Status.PROCESSED)
    lose_bytes(file)
    (difference,) = reconciliation.compare(lambda line: None).differences
    put_kept(FILES, file.id, b"hello")

    assert difference.mend() is False
    assert row_of(file)["status"] == "processed"


def test_a_file_that_cannot_be_read_is_told_and_left(
    make_file: MakeFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = make_file(status=Status.PROCESSED)

    def fail(*args: object) -> NoReturn:
        raise catalogue.StorageUnavailable(note="EIO")

    monkeypatch.setattr(reconciliation, "open_blob", fail)

    exit_status, lines = run("--repair")

    assert exit_status == 1
    assert lines[0].startswith("bytes unreadable")
    assert lines[-1] == "differences: 1, repaired: 0"
    assert row_of(file)["status"] == "processed"


def test_a_store_that_has_lost_most_files_is_not_believed(make_file: MakeFile) -> None:
    files = [make_file(status=Status.PROCESSED) for _ in range(11)]
    for file in files:
        lose_bytes(file)

    with pytest.raises(CommandError, match="is the store the right one") as raised:
        run("--repair")

    assert raised.value.returncode == 1
    assert set(File.objects.values_list("status", flat=True)) == {"processed"}


def test_a_database_that_knows_little_of_what_is_stored_is_not_believed(
    storage: Path, later: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MANY_ORPHANS", 2)
    for _ in range(3):
        put_kept(FILES, uuid_utils.compat.uuid7(), b"hello")

    with pytest.raises(CommandError, match="is the database right"):
        run("--repair")

    assert len(read_kept()) == 3


def test_a_store_that_does_not_answer_compares_with_nothing(
    make_file: MakeFile, storage: Path
) -> None:
    make_file(status=Status.PROCESSED)
    shutil.rmtree(storage)

    with pytest.raises(CommandError, match="storage_unavailable") as raised:
        run("--repair")

    assert raised.value.returncode == 2
    assert set(File.objects.values_list("status", flat=True)) == {"processed"}


def test_every_row_is_compared_however_many_there_are(
    make_file: MakeFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "BATCH", 2)
    monkeypatch.setattr(reconciliation, "TELL_EVERY_SECONDS", 0.0)
    files = [make_file(status=Status.PROCESSED) for _ in range(5)]
    for file in files[1::2]:
        change_bytes(file)
    told: list[str] = []

    comparison = reconciliation.compare(told.append)

    assert [one.name for one in comparison.differences] == [str(file.id) for file in files[1::2]]
    assert told[:5] == [f"compared {n} of 5 rows with their bytes" for n in range(1, 6)]


@pytest.mark.parametrize("flags", [(), ("--dry-run", "--repair")])
def test_exactly_one_of_both_flags_must_be_given(flags: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        call_command("reconcile", *flags)


def test_an_upload_in_parts_that_nobody_ended_is_given_up(bucket: TestBucket, later: None) -> None:
    key = f"{FILES}/{uuid.uuid4().hex}"
    bucket.client.create_multipart_upload(Bucket=bucket.name, Key=key)

    exit_status, lines = run("--repair")

    assert (exit_status, lines[0].split("  ")[0]) == (1, "no row for bytes")
    assert bucket.uploads() == []
