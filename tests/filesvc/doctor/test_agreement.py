"""Rows, bytes and queue that disagree, made so as a crash or a person would."""

from __future__ import annotations

import time
import uuid
from pathlib import Path

import pytest
import uuid_utils.compat

from filesvc.blobs import blob_path
from filesvc.doctor.agreement import SENTENCES, examine_agreement, examine_orphans
from filesvc.models import Status
from filesvc.repairs import REPAIRS, store
from tests.conftest import kept_files
from tests.filesvc.conftest import MakeFile
from tests.filesvc.doctor.seeing import see, states
from tests.filesvc.repairs.repairing import age

pytestmark = pytest.mark.django_db


def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever lies in the store has been there for two hours."""
    moment = time.time() + 2 * 3600
    monkeypatch.setattr(store, "time", lambda: moment)


def put(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"hello")


def wrong() -> dict[str, str]:
    """What is not well."""
    seen = states(see(examine_agreement, examine_orphans))
    return {name: state for name, state in seen.items() if state != "ok"}


def test_every_sentence_belongs_to_a_repair() -> None:
    assert set(SENTENCES) < {repair.name for repair in REPAIRS}


def test_a_store_whose_rows_and_bytes_agree_is_well(
    make_file: MakeFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_file(status=Status.PROCESSED)
    later(monkeypatch)

    assert wrong() == {}
    assert see(examine_orphans)["orphan blobs"].told == "1 stored files have their row"


def test_a_file_that_waits_for_too_long_is_told(make_file: MakeFile) -> None:
    age(make_file())

    assert wrong() == {"ring again": "warning"}


def test_a_file_whose_tries_are_used_up_is_told(make_file: MakeFile) -> None:
    make_file(attempts=5)

    assert wrong() == {"give up": "failed"}


def test_what_a_crash_left_is_told_and_stays(
    storage: Path, make_file: MakeFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_file(status=Status.PROCESSED)
    put(blob_path(uuid_utils.compat.uuid7()))
    put(storage / "staging" / uuid.uuid4().hex)
    put(storage / "previews" / "00" / f"{uuid.uuid4().hex}.1")
    assert wrong() == {}  # it may still be under way

    later(monkeypatch)

    before = kept_files(storage)
    assert wrong() == {
        "orphan blobs": "warning",
        "remove staging": "warning",
        "remove orphan previews": "warning",
    }
    assert kept_files(storage) == before


def test_a_database_that_knows_little_of_what_is_stored_is_told(
    make_file: MakeFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MANY_ORPHANS", 2)
    make_file(status=Status.PROCESSED)
    for _ in range(3):
        put(blob_path(uuid_utils.compat.uuid7()))
    later(monkeypatch)

    assert wrong() == {"orphan blobs": "failed"}
    assert "is DATABASE_URL the right one" in see(examine_orphans)["orphan blobs"].remedy


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, {"audit rows": "failed"}),
        (b"hell", {"audit rows": "failed", "audit digests": "failed"}),
        (b"jello", {"audit digests": "failed"}),
    ],
)
def test_bytes_that_are_not_those_of_their_row_are_told(
    make_file: MakeFile, content: bytes | None, expected: dict[str, str]
) -> None:
    path = blob_path(make_file(status=Status.PROCESSED).id)
    path.unlink() if content is None else path.write_bytes(content)

    assert wrong() == expected
