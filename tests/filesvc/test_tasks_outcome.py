"""What is left of a file that was processed: its state, its metadata and its preview."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from errors import catalogue
from errors.base import ServiceError
from filesvc import processing
from filesvc.models import File, Status
from filesvc.previews import preview_path, save_preview
from filesvc.sandbox import Answer, ProcessorDied, Report
from filesvc.tasks import process_file
from tests.client import call
from tests.conftest import assert_problem
from tests.filesvc.claiming import lapse, row_of, take
from tests.filesvc.conftest import MakeFile
from tests.filesvc.odd_program import PREVIEW

pytestmark = pytest.mark.django_db

METADATA = {"kind": "text"}
PICTURED = Answer(METADATA, PREVIEW, None)
Describe = Callable[[Callable[[Report], Answer]], None]


@pytest.fixture
def describe(monkeypatch: pytest.MonkeyPatch) -> Describe:
    """Have files described here, by this."""

    def set_it(work: Callable[[Report], Answer]) -> None:
        def describe_confined(file: File, source: BinaryIO, report: Report) -> Answer:
            return work(report)

        monkeypatch.setattr(processing, "describe_confined", describe_confined)

    return set_it


def deliver(file: File) -> dict[str, Any]:
    process_file(str(file.id))
    return row_of(file)


def previews(storage: Path) -> list[Path]:
    return [path for path in (storage / "previews").rglob("*") if path.is_file()]


def test_a_picture_is_told_of_and_lies_under_the_fence(
    make_file: MakeFile, describe: Describe, storage: Path
) -> None:
    describe(lambda report: PICTURED)
    file = make_file(fence=3)

    row = deliver(file)

    assert (row["status"], row["preview_fence"]) == ("processed", 4)
    assert previews(storage) == [preview_path(file.id, 4)]


def test_the_picture_of_an_earlier_claim_goes(
    make_file: MakeFile, describe: Describe, storage: Path
) -> None:
    describe(lambda report: PICTURED)
    file = make_file(fence=3)
    for fence in (1, 2, 3):
        save_preview(file.id, fence, PREVIEW)

    deliver(file)

    assert previews(storage) == [preview_path(file.id, 4)]


@pytest.mark.parametrize("error", [catalogue.CorruptContent(), catalogue.ActiveContent()])
def test_of_a_file_that_is_not_handed_out_no_picture_is_left(
    make_file: MakeFile, describe: Describe, storage: Path, error: ServiceError
) -> None:
    def fail(report: Report) -> Answer:
        raise error

    describe(fail)
    file = make_file()
    save_preview(file.id, 0, PREVIEW)

    row = deliver(file)

    assert (row["preview_fence"], previews(storage)) == (None, [])


def test_a_refused_file_is_quarantined_and_its_metadata_is_kept(
    make_file: MakeFile,
    describe: Describe,
    storage: Path,
    token: str,
    log_events: list[dict[str, Any]],
) -> None:
    describe(lambda report: Answer(METADATA, PREVIEW, catalogue.ActiveContent(note="a macro")))
    file = make_file()

    row = deliver(file)

    assert (row["status"], row["processed"], row["metadata"]) == ("quarantined", False, METADATA)
    assert (row["failure"]["code"], row["preview_fence"]) == ("active_content", None)
    assert previews(storage) == []
    assert_problem(call("GET", f"{file.path}content/", token=token), 403, "file_quarantined")
    (event,) = [event for event in log_events if event["event"] == "file.quarantined"]
    assert (event["level"], event["note"], event["sha256"]) == ("error", "a macro", file.sha256)
    assert "a macro" not in str(row)


@pytest.mark.parametrize("answer", [PICTURED, Answer(METADATA, PREVIEW, catalogue.ActiveContent())])
def test_a_claim_that_was_lost_while_the_picture_was_made_leaves_none(
    make_file: MakeFile, describe: Describe, storage: Path, answer: Answer
) -> None:
    file = make_file()

    def be_overtaken(report: Report) -> Answer:
        lapse(file)
        take(file)
        return answer

    describe(be_overtaken)

    row = deliver(file)

    assert (row["status"], row["fence"], row["preview_fence"]) == ("processing", 2, None)
    assert previews(storage) == []


def test_a_lost_claim_leaves_the_picture_of_its_successor_alone(
    make_file: MakeFile, describe: Describe, storage: Path
) -> None:
    file = make_file()

    def be_overtaken(report: Report) -> Answer:
        lapse(file)
        describe(lambda report: PICTURED)
        deliver(file)
        return PICTURED

    describe(be_overtaken)

    row = deliver(file)

    assert (row["status"], row["preview_fence"]) == ("processed", 2)
    assert previews(storage) == [preview_path(file.id, 2)]


def test_a_file_deleted_while_it_is_pictured_leaves_nothing(
    make_file: MakeFile, describe: Describe, storage: Path, token: str
) -> None:
    file = make_file()

    def be_deleted(report: Report) -> Answer:
        assert call("DELETE", file.path, token=token).status == 204
        return PICTURED

    describe(be_deleted)

    process_file(str(file.id))

    assert not File.objects.filter(id=file.id).exists()
    assert previews(storage) == []


@pytest.mark.parametrize("end", [None, catalogue.CorruptContent(), ProcessorDied("exit status 1")])
def test_no_progress_is_told_of_what_is_over(
    make_file: MakeFile,
    describe: Describe,
    token: str,
    monkeypatch: pytest.MonkeyPatch,
    end: Exception | None,
) -> None:
    file, told = make_file(), []
    monkeypatch.setattr(processing.reporter, "__defaults__", (0.0,))

    def report_and_end(report: Report) -> Answer:
        report("reading", 40)
        told.append(call("GET", file.path, token=token).json["progress"])
        if end is not None:
            raise end
        return PICTURED

    describe(report_and_end)
    deliver(file)

    assert told == [{"stage": "reading", "percent": 40}]
    assert call("GET", file.path, token=token).json["progress"] is None


def test_a_store_that_takes_no_picture_is_waited_for(
    make_file: MakeFile, describe: Describe, storage: Path
) -> None:
    describe(lambda report: PICTURED)
    file = make_file()
    (storage / "previews").rmdir()
    (storage / "previews").touch()

    waiting = deliver(file)
    (storage / "previews").unlink()
    (storage / "previews").mkdir()
    done = deliver(file)

    assert (waiting["status"], waiting["attempts"]) == (Status.QUEUED, 0)
    assert (done["status"], done["attempts"], done["preview_fence"]) == (Status.PROCESSED, 1, 2)


def test_a_picture_that_cannot_be_removed_changes_no_outcome(
    make_file: MakeFile, describe: Describe, log_events: list[dict[str, Any]]
) -> None:
    describe(lambda report: PICTURED)
    file = make_file(fence=3)
    preview_path(file.id, 1).mkdir(parents=True)

    assert deliver(file)["status"] == "processed"

    (event,) = [event for event in log_events if event["event"] == "preview.left_behind"]
    assert (event["code"], event["note"]) == ("storage_unavailable", "EISDIR")
