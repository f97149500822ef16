"""A file sent back: in which states, for whom, and how it is scanned by what is known by now."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from errors import catalogue
from filesvc.claims import fail, send_back
from filesvc.models import File, Status
from filesvc.previews import save_preview
from filesvc.reprocessing import reprocess
from filesvc.tasks import process_file
from security import signatures
from tests import samples
from tests.client import Answer, call
from tests.conftest import assert_problem
from tests.filesvc.claiming import row_of, take
from tests.filesvc.conftest import Doorbell, MakeFile
from tests.filesvc.odd_program import PREVIEW
from tests.s3 import read_kept
from tests.security.conftest import forget_scanner, fresh_limits
from tests.security.fake_clamd import FakeClamd, Script
from tests.stack import RUN_DIR, Server

__all__ = ["forget_scanner", "fresh_limits"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_limits", "forget_scanner")]

FINAL = [Status.PROCESSED, Status.FAILED, Status.QUARANTINED]
CLEAN = b"fd[9]: OK\0"
ON_BOTH_STORES = pytest.mark.usefixtures("kept")
RATE_HEADERS = {"ratelimit-policy", "ratelimit"}


@pytest.fixture
def scanner(settings: Any) -> Iterator[FakeClamd]:
    """A scanner that has learnt nothing yet."""
    with FakeClamd(Script([CLEAN]), folder=RUN_DIR) as fake:
        settings.CLAMD_ADDRESS = fake.address
        yield fake


def ask(file: File, token: str | None, method: str = "POST", **more: Any) -> Answer:
    return call(method, f"{file.path}reprocess/", token=token, **more)


def deliver(file: File) -> dict[str, Any]:
    process_file(str(file.id))
    return row_of(file)


# --- who may, and when --------------------------------------------------------------------


@ON_BOTH_STORES
@pytest.mark.parametrize("status", FINAL)
def test_a_file_whose_state_is_final_waits_again_from_its_first_try_on(
    token: str, make_file: MakeFile, doorbell: Doorbell, status: str
) -> None:
    failure = None if status == Status.PROCESSED else {"code": "corrupt_content"}
    left: dict[str, Any] = {"metadata": {"kind": "text"}, "failure": failure, "attempts": 5}
    file = make_file(status=status, processed_at=timezone.now(), preview_fence=1, fence=7, **left)

    answer = ask(file, token)

    assert answer.status == 202, answer.body
    assert (answer.headers["location"], answer.headers["retry-after"]) == (file.path, "2")
    assert answer.json == call("GET", file.path, token=token).json
    told = {name: answer.json[name] for name in ("status", "processed", "processed_at", "attempts")}
    assert told == {"status": "queued", "processed": False, "processed_at": None, "attempts": 0}
    forgotten = {name: answer.json[name] for name in ("metadata", "failure", "preview", "progress")}
    assert forgotten == {"metadata": {}, "failure": None, "preview": None, "progress": None}
    assert (row_of(file)["fence"], doorbell.rung_for()) == (7, [file.id])


@pytest.mark.parametrize("status", [Status.QUEUED, Status.PROCESSING])
def test_a_file_that_waits_or_is_worked_on_is_left_alone(
    token: str, make_file: MakeFile, doorbell: Doorbell, status: str
) -> None:
    file = make_file(status=status)
    before = row_of(file)

    problem = assert_problem(ask(file, token), 409, "state_conflict")

    assert problem["meta"] == {"state": status}
    assert (row_of(file), doorbell.rung_for()) == (before, [])


@pytest.mark.parametrize("path", ["/files/{id}/reprocess/", "/files/{id}/reprocess"])
def test_it_is_asked_for_with_post_alone(token: str, make_file: MakeFile, path: str) -> None:
    file = make_file(status=Status.PROCESSED)
    before = row_of(file)

    for method in ("GET", "HEAD", "DELETE", "PUT"):
        answer = call(method, path.format(id=file.id), token=token)
        assert (answer.status, answer.code) == (405, "method_not_allowed")
        assert answer.headers["allow"] == "POST"

    assert row_of(file) == before


def test_a_foreign_file_looks_like_none_and_stays_as_it_is(token: str, make_file: MakeFile) -> None:
    file = make_file(owner="bob", status=Status.FAILED)

    assert_problem(ask(file, token), 404, "not_found")
    assert_problem(call("POST", f"/files/{uuid.uuid4()}/reprocess/", token=token), 404, "not_found")
    assert row_of(file)["status"] == "failed"


def test_the_admin_scope_sends_a_foreign_file_back(
    make_token: Callable[..., str], make_file: MakeFile
) -> None:
    file = make_file(owner="bob", status=Status.FAILED)

    answer = ask(file, make_token(scopes="upload,admin"))

    assert (answer.status, answer.json["owner"]) == (202, "bob")


def test_it_takes_from_the_same_limit_as_uploads_and_says_what_is_left(
    token: str, make_file: MakeFile, settings: Any
) -> None:
    settings.UPLOAD_RATE = "2/d"
    file = make_file(status=Status.FAILED)

    answers = [ask(file, token) for _ in range(3)]

    assert [answer.status for answer in answers] == [202, 409, 429]
    for answer in answers:
        assert answer.headers.keys() >= RATE_HEADERS
    left = [re.findall(r";r=([0-9]+);", answer.headers["ratelimit"]) for answer in answers]
    assert left == [["1"], ["0"], ["0"]]
    assert_problem(answers[2], 429, "rate_limited")


def test_a_body_is_not_looked_at(token: str, make_file: MakeFile) -> None:
    file = make_file(status=Status.FAILED)

    answer = ask(file, token, body=b"{ no JSON", CONTENT_TYPE="application/json")

    assert answer.status == 202, answer.body


def test_a_file_deleted_meanwhile_is_not_found(make_file: MakeFile) -> None:
    file = make_file(status=Status.FAILED)
    File.objects.filter(id=file.id).delete()

    with pytest.raises(catalogue.NotFound):
        reprocess(file)


def test_of_two_who_send_it_back_one_does(make_file: MakeFile) -> None:
    file = make_file(status=Status.PROCESSED)

    assert [send_back(file), send_back(file)] == [True, False]


def test_a_worker_of_the_time_before_decides_nothing_afterwards(make_file: MakeFile) -> None:
    file = make_file()
    held = take(file)
    File.objects.filter(id=file.id).update(status=Status.FAILED)
    assert send_back(file)

    assert fail(held, catalogue.CorruptContent()) is False
    assert row_of(file)["status"] == "queued"


# --- the scan -------------------------------------------------------------------------------


def test_it_is_scanned_anew_and_the_new_scan_is_told(
    token: str, make_file: MakeFile, scanner: FakeClamd
) -> None:
    long_ago = timezone.now() - timedelta(days=300)
    file = make_file(status=Status.PROCESSED, scanned_at=long_ago, scan_engine="ClamAV 0.99")
    ask(file, token)

    assert deliver(file)["status"] == "processed"

    told = call("GET", file.path, token=token).json
    assert scanner.received == [b"hello"]
    assert told["scan"]["engine"] == "ClamAV 1.4.6"
    assert row_of(file)["scanned_at"] > row_of(file)["reprocessed_at"] > long_ago
    assert told["metadata"]["words"] == 1


def test_it_is_scanned_anew_although_a_clock_was_ahead_at_its_last_scan(
    token: str, make_file: MakeFile, scanner: FakeClamd
) -> None:
    file = make_file(status=Status.PROCESSED, scanned_at=timezone.now() + timedelta(hours=1))
    ask(file, token)

    assert deliver(file)["status"] == "processed"

    assert scanner.received == [b"hello"]


@ON_BOTH_STORES
def test_what_is_known_as_malware_by_now_is_quarantined(token: str, make_file: MakeFile) -> None:
    # Taken in when no scanner knew it; the real one does.
    file = make_file(samples.EICAR, status=Status.PROCESSED, preview_fence=0)
    save_preview(file.id, 0, PREVIEW)
    assert call("GET", f"{file.path}preview/", token=token).status == 200
    ask(file, token)

    row = deliver(file)

    assert (row["status"], row["failure"]["code"]) == ("quarantined", "malware_detected")
    assert (row["metadata"], row["processed"]) == ({}, False)
    assert "EICAR" not in str(row)
    for suffix in ("content/", "preview/"):
        refused = call("GET", f"{file.path}{suffix}", token=token)
        assert_problem(refused, 403, "file_quarantined")
    assert set(read_kept()) == {file.id.hex}, "the bytes stay for whoever looks into it"


@ON_BOTH_STORES
def test_what_was_quarantined_by_mistake_comes_back(
    token: str, make_file: MakeFile, scanner: FakeClamd
) -> None:
    file = make_file(status=Status.QUARANTINED, failure={"code": "malware_detected"})
    ask(file, token)

    row = deliver(file)

    assert (row["status"], row["failure"]) == ("processed", None)
    assert call("GET", f"{file.path}content/", token=token).body == b"hello"


@pytest.mark.parametrize("way", ["stopped", "frozen"])
def test_a_scanner_that_is_away_is_waited_for_without_end(
    token: str,
    make_file: MakeFile,
    servers: dict[str, Server],
    monkeypatch: pytest.MonkeyPatch,
    way: str,
) -> None:
    monkeypatch.setattr(signatures, "FAILURE_SECONDS", 0.0)
    monkeypatch.setattr(signatures, "VERSION_SECONDS", 0.5)
    monkeypatch.setattr(signatures, "_remembered", None)
    file = make_file(status=Status.PROCESSED)
    ask(file, token)

    with getattr(servers["clamd"], way)():
        tries = [deliver(file) for _ in range(6)]

    assert {(row["status"], row["attempts"]) for row in tries} == {("queued", 0)}
    assert (deliver(file)["status"], row_of(file)["attempts"]) == ("processed", 1)


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (b"fd[9]: Heuristics.Limits.Exceeded.MaxScanTime FOUND\0", "scan_incomplete"),
        (b"fd[9]: Heuristics.Encrypted.PDF FOUND\0", "encrypted_content"),
        (b"fd[9]: OK", "processing_dependency_unavailable"),
    ],
)
def test_any_verdict_but_clean_keeps_the_file_from_being_processed(
    token: str, make_file: MakeFile, scanner: FakeClamd, reply: bytes, code: str
) -> None:
    file = make_file(status=Status.PROCESSED)
    scanner.script = Script([reply])
    ask(file, token)

    row = [deliver(file) for _ in range(5)][-1]

    assert (row["status"], row["failure"]["code"]) == ("failed", code)
