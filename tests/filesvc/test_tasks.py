"""Processing one file: one effect however often it is asked for, and every way it can fail."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError, connection, connections

from errors import catalogue
from errors.base import ServiceError
from filesvc import processing
from filesvc.blobs import blob_path
from filesvc.models import File, Status
from filesvc.sandbox import Answer, ProcessorCrashed, ProcessorDied, Report
from filesvc.stores.places import FILES
from filesvc.tasks import AWAY, BROKEN_OFF, process_file
from tests import samples
from tests.client import call
from tests.filesvc.claiming import lapse, row_of, take
from tests.filesvc.conftest import Doorbell, MakeFile

SECRET = "planted-text-of-an-exception"
SetProcessor = Callable[[Callable[[], Any]], None]


def deliver(file: File) -> dict[str, Any]:
    """The row after one delivery of its message."""
    process_file(str(file.id))
    return row_of(file)


@pytest.fixture
def set_processor(monkeypatch: pytest.MonkeyPatch) -> SetProcessor:
    """Have files described by something else, here; it may return an answer of its own."""

    def set_it(work: Callable[[], Any]) -> None:
        def describe(file: File, source: BinaryIO, report: Report) -> Answer:
            told = work()
            return told if isinstance(told, Answer) else Answer({"kind": "text"}, None, None)

        monkeypatch.setattr(processing, "describe_confined", describe)

    return set_it


@pytest.mark.django_db
def test_a_file_is_processed_and_its_metadata_told(token: str, make_file: MakeFile) -> None:
    file = make_file(b"hello world\n")

    row = deliver(file)

    assert (row["status"], row["processed"], row["attempts"]) == ("processed", True, 1)
    assert (row["failure"], row["lease_until"]) == (None, None)
    assert row["metadata"]["words"] == 2
    assert row["processed_at"] >= row["uploaded_at"]
    assert call("GET", f"{file.path}content/", token=token).body == b"hello world\n"


@pytest.mark.django_db
@pytest.mark.parametrize("status", Status.values)
def test_a_second_delivery_has_no_effect(make_file: MakeFile, status: str) -> None:
    file = make_file(status=status)
    if status == Status.PROCESSING:
        File.objects.filter(id=file.id).update(lease_until="2999-01-01T00:00:00Z")
    first = deliver(file)

    assert deliver(file) == first


@pytest.mark.django_db(transaction=True)
def test_two_deliveries_at_once_have_one_effect(
    make_file: MakeFile, set_processor: SetProcessor
) -> None:
    file, together, worked = make_file(), threading.Barrier(4), []
    set_processor(lambda: worked.append(threading.get_ident()))

    def deliver_at_once(_: int) -> None:
        together.wait(timeout=20)
        try:
            process_file(str(file.id))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(deliver_at_once, range(4)))

    assert len(worked) == 1
    assert (row_of(file)["status"], row_of(file)["attempts"]) == ("processed", 1)


@pytest.mark.django_db
def test_a_message_for_a_file_that_is_gone_does_nothing(make_file: MakeFile) -> None:
    other = make_file()
    before = row_of(other)

    process_file(str(uuid.uuid4()))

    assert row_of(other) == before


@pytest.mark.django_db
def test_a_forged_argument_touches_no_row(make_file: MakeFile) -> None:
    other = make_file()
    before = row_of(other)

    with pytest.raises(ValueError, match="badly formed"):
        process_file("' OR 1=1")

    assert row_of(other) == before


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("left", "code"),
    [(b"jello", "content_changed"), (b"hell", "content_changed"), (None, "source_missing")],
)
def test_bytes_that_are_not_the_accepted_ones_fail_the_file(
    make_file: MakeFile, left: bytes | None, code: str
) -> None:
    file = make_file(b"hello")
    blob_path(file.id).unlink()
    if left is not None:
        blob_path(file.id).write_bytes(left)

    row = deliver(file)

    assert (row["status"], row["failure"]["code"]) == ("failed", code)
    assert (row["processed"], row["metadata"]) == (False, {})


@pytest.mark.django_db
def test_a_file_waits_while_its_store_is_not_mounted(make_file: MakeFile, storage: Path) -> None:
    file = make_file()
    (storage / FILES).rename(storage / "elsewhere")
    waiting = deliver(file)
    (storage / "elsewhere").rename(storage / FILES)

    assert (waiting["status"], waiting["failure"]) == ("queued", None)
    assert deliver(file)["status"] == "processed"


@pytest.mark.django_db
def test_content_that_proves_corrupt_fails_the_file(token: str, make_file: MakeFile) -> None:
    file = make_file(samples.image("PNG")[:40], media_type="image/png")

    deliver(file)

    told = call("GET", file.path, token=token).json
    assert (told["status"], told["failure"]["code"]) == ("failed", "corrupt_content")
    assert told["failure"]["origin_request_id"] == file.request_id


@pytest.mark.django_db
@pytest.mark.parametrize("error", [RuntimeError(SECRET), ProcessorCrashed(SECRET)])
def test_a_crash_fails_the_file_and_only_the_log_tells_why(
    make_file: MakeFile,
    set_processor: SetProcessor,
    log_events: list[dict[str, Any]],
    error: Exception,
) -> None:
    def crash() -> None:
        raise error

    set_processor(crash)

    row = deliver(make_file(request_id="ab" * 16))

    assert (row["status"], row["failure"]["code"]) == ("failed", "processing_failed")
    assert SECRET not in str(row)
    (event,) = [event for event in log_events if event["event"] == "processing.crashed"]
    assert SECRET in event["exception"]
    assert (event["request_id"], event["file_id"]) == ("ab" * 16, str(row["id"]))


@pytest.mark.django_db
@pytest.mark.parametrize("limit", [SoftTimeLimitExceeded(), catalogue.ProcessingTimeout()])
def test_a_file_that_takes_too_long_fails_at_once(
    make_file: MakeFile, set_processor: SetProcessor, limit: Exception
) -> None:
    def interrupt() -> None:
        raise limit

    set_processor(interrupt)

    row = deliver(make_file())

    assert (row["failure"]["code"], row["failure"]["retryable"]) == ("processing_timeout", True)
    assert (row["status"], row["attempts"]) == ("failed", 1)


@pytest.mark.django_db
def test_a_processor_that_dies_is_tried_again_at_once_and_five_times_in_all(
    make_file: MakeFile, set_processor: SetProcessor, doorbell: Doorbell
) -> None:
    def die() -> None:
        raise ProcessorDied("exit status -11")

    set_processor(die)
    file = make_file()

    tries = [deliver(file) for _ in range(6)]

    assert [row["attempts"] for row in tries] == [1, 2, 3, 4, 5, 5]
    assert [row["status"] for row in tries] == ["queued"] * 4 + ["failed"] * 2
    assert [row["lease_until"] for row in tries] == [None] * 6
    assert tries[-1]["failure"]["code"] == "processing_failed"
    assert "exit status" not in str(tries[-1])
    assert doorbell.rung_for() == [file.id] * 4


@pytest.mark.django_db
def test_a_processor_that_died_once_has_cost_the_file_a_try_only(
    make_file: MakeFile, set_processor: SetProcessor
) -> None:
    ends: list[Exception | None] = [ProcessorDied("exit status 77"), None]

    def die_once() -> None:
        if (end := ends.pop(0)) is not None:
            raise end

    set_processor(die_once)
    file = make_file()
    deliver(file)

    row = deliver(file)

    assert (row["status"], row["attempts"], row["failure"]) == ("processed", 2, None)


@pytest.mark.django_db
@pytest.mark.parametrize("error", AWAY)
def test_what_is_away_is_waited_for_without_end(
    make_file: MakeFile, set_processor: SetProcessor, error: type[ServiceError]
) -> None:
    def be_away() -> None:
        raise error()

    set_processor(be_away)
    file = make_file()

    tries = [deliver(file) for _ in range(7)]

    assert {(row["status"], row["attempts"]) for row in tries} == {("queued", 0)}
    assert [row["fence"] for row in tries] == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.django_db
def test_a_store_that_is_away_costs_no_try_of_a_file_that_kills(
    make_file: MakeFile, set_processor: SetProcessor
) -> None:
    ends = [ProcessorDied("exit status -9"), catalogue.StorageUnavailable()] * 4

    def end() -> None:
        raise ends.pop(0)

    set_processor(end)
    file = make_file()

    tries = [deliver(file) for _ in range(8)]

    assert [row["attempts"] for row in tries] == [1, 1, 2, 2, 3, 3, 4, 4]


@pytest.mark.django_db
@pytest.mark.parametrize("error", BROKEN_OFF)
def test_a_scanner_that_breaks_off_over_a_file_is_asked_five_times(
    make_file: MakeFile, set_processor: SetProcessor, error: type[ServiceError]
) -> None:
    def break_off() -> None:
        raise error(note=SECRET)

    set_processor(break_off)
    file = make_file()

    tries = [deliver(file) for _ in range(5)]

    assert [row["attempts"] for row in tries] == [1, 2, 3, 4, 5]
    assert [row["status"] for row in tries] == ["queued"] * 4 + ["failed"]
    assert tries[-1]["failure"]["code"] == "processing_dependency_unavailable"
    assert SECRET not in str(tries[-1])


@pytest.mark.django_db
def test_a_store_that_comes_back_has_cost_time_only(make_file: MakeFile) -> None:
    file = make_file()
    blob_path(file.id).unlink()
    blob_path(file.id).mkdir()
    deliver(file)
    blob_path(file.id).rmdir()
    blob_path(file.id).write_bytes(b"hello")

    row = deliver(file)

    assert (row["status"], row["attempts"], row["failure"]) == ("processed", 1, None)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "error",
    [
        *(None, catalogue.CorruptContent(), catalogue.StorageUnavailable(), RuntimeError(SECRET)),
        *(catalogue.ActiveContent(), ProcessorDied("exit status -9"), SoftTimeLimitExceeded()),
    ],
)
def test_a_worker_that_was_overtaken_leaves_the_row_to_its_successor(
    make_file: MakeFile,
    set_processor: SetProcessor,
    error: Exception | None,
) -> None:
    file = make_file()

    def be_overtaken() -> None:
        lapse(file)
        take(file)
        if error:
            raise error

    set_processor(be_overtaken)

    row = deliver(file)

    assert (row["status"], row["fence"], row["failure"]) == ("processing", 2, None)


@pytest.mark.django_db
def test_without_its_database_a_file_is_left_to_its_lease(
    make_file: MakeFile, log_events: list[dict[str, Any]]
) -> None:
    file = make_file()
    before = row_of(file)

    def be_away(execute: Any, sql: str, *rest: Any) -> Any:
        raise OperationalError(SECRET)

    with connection.execute_wrapper(be_away):
        process_file(str(file.id))

    assert row_of(file) == before
    (event,) = [event for event in log_events if event["event"] == "file.left_to_lease"]
    assert (event["level"], event["file_id"]) == ("warning", str(file.id))
    assert SECRET not in str(log_events)
