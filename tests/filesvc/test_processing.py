"""What is done to one claimed file: its bytes proved, scanned when asked, described, pictured."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from errors import catalogue
from filesvc import processing
from filesvc.claims import ClaimLost
from filesvc.models import File
from filesvc.processing import PROGRESS_EVERY_SECONDS, check_unchanged, process, reporter
from filesvc.sandbox import Answer, Report
from tests.filesvc.claiming import lapse, row_of, take
from tests.filesvc.conftest import MakeFile, new_row
from tests.filesvc.odd_program import PREVIEW
from tests.s3 import read_kept
from tests.security.fake_clamd import FakeClamd, Script
from tests.stack import RUN_DIR

CLEAN = b"fd[9]: OK\0"
FOUND = b"fd[9]: Filesvc.Test.EICAR FOUND\0"
METADATA = {"kind": "text"}
ON_BOTH_STORES = pytest.mark.usefixtures("kept")


@pytest.fixture
def described(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[bytes]]:
    """`described(answer)`: the confined process finds this; gives back what it was shown."""

    def answer_with(answer: Answer) -> list[bytes]:
        given_to_it: list[bytes] = []

        def describe(file: File, source: BinaryIO, report: Report) -> Answer:
            given_to_it.append(source.read())
            return answer

        monkeypatch.setattr(processing, "describe_confined", describe)
        return given_to_it

    return answer_with


@pytest.fixture
def scanner(settings: Any) -> Iterator[FakeClamd]:
    """A scanner that finds everything clean, and remembers what it was given."""
    with FakeClamd(Script([CLEAN]), folder=RUN_DIR) as fake:
        settings.CLAMD_ADDRESS = fake.address
        yield fake


def sent_back(make_file: MakeFile, content: bytes = b"hello") -> File:
    return make_file(content, reprocessed_at=timezone.now() + timedelta(seconds=1))


# --- the bytes ---------------------------------------------------------------------------


@pytest.mark.property
@given(accepted=st.binary(min_size=1, max_size=50), kept=st.binary(max_size=50))
def test_only_the_accepted_bytes_are_processed(accepted: bytes, kept: bytes) -> None:
    file, source = new_row(accepted), io.BytesIO(kept)

    if kept == accepted:
        check_unchanged(file, source)
        assert source.read() == kept
    else:
        with pytest.raises(catalogue.ContentChanged):
            check_unchanged(file, source)


def test_bytes_that_cannot_be_read_are_a_fault_of_the_store_and_not_of_the_file() -> None:
    # The address 0 of a process is never mapped, so that reading it is an input/output error.
    with Path("/proc/self/mem").open("rb") as source, pytest.raises(catalogue.StorageUnavailable):
        check_unchanged(new_row(b"hello"), source)


@ON_BOTH_STORES
@pytest.mark.django_db
def test_changed_bytes_reach_neither_the_scanner_nor_a_processor(
    make_file: MakeFile, scanner: FakeClamd, described: Callable[..., list[bytes]]
) -> None:
    file, read = sent_back(make_file), described(Answer(METADATA, None, None))
    File.objects.filter(id=file.id).update(sha256="0" * 64)

    with pytest.raises(catalogue.ContentChanged):
        process(take(file))

    assert (scanner.commands, read) == ([], [])


# --- the second scan ----------------------------------------------------------------------


@ON_BOTH_STORES
@pytest.mark.django_db
def test_a_file_that_comes_from_its_upload_is_not_scanned_twice(
    make_file: MakeFile, scanner: FakeClamd, described: Callable[..., list[bytes]]
) -> None:
    described(Answer(METADATA, None, None))
    held = take(make_file())

    process(held)

    assert (scanner.commands, held.scan) == ([], None)


@ON_BOTH_STORES
@pytest.mark.django_db
def test_a_file_that_was_sent_back_is_scanned_and_then_read_from_its_first_byte(
    make_file: MakeFile, scanner: FakeClamd, described: Callable[..., list[bytes]]
) -> None:
    read = described(Answer(METADATA, None, None))
    held = take(sent_back(make_file, b"hello again"))

    process(held)

    assert (scanner.received, read) == ([b"hello again"], [b"hello again"])
    assert held.scan is not None
    assert held.scan.scanned_at > held.file.scanned_at


@ON_BOTH_STORES
@pytest.mark.django_db
def test_what_the_scanner_finds_now_reaches_no_processor(
    make_file: MakeFile, scanner: FakeClamd, described: Callable[..., list[bytes]]
) -> None:
    read, scanner.script = described(Answer(METADATA, None, None)), Script([FOUND])

    with pytest.raises(catalogue.MalwareDetected):
        process(take(sent_back(make_file)))

    assert read == []


# --- the preview ---------------------------------------------------------------------------


@ON_BOTH_STORES
@pytest.mark.django_db
def test_a_preview_is_kept_under_the_fence_of_the_claim(
    make_file: MakeFile, described: Callable[..., list[bytes]]
) -> None:
    described(Answer(METADATA, PREVIEW, None))
    file = make_file(fence=6)

    process(take(file))

    assert read_kept()[f"{file.id.hex}.7"] == PREVIEW


@ON_BOTH_STORES
@pytest.mark.django_db
def test_of_a_refused_file_no_picture_is_kept(
    make_file: MakeFile, described: Callable[..., list[bytes]]
) -> None:
    described(Answer(METADATA, PREVIEW, catalogue.ActiveContent()))
    file = make_file()

    process(take(file))

    assert set(read_kept()) == {file.id.hex}


# --- progress -----------------------------------------------------------------------------


@pytest.mark.property
@pytest.mark.django_db
@given(steps=st.lists(st.tuples(st.sampled_from([0.0, 0.25, 0.5, 1.0, 3.0]), st.integers(0, 100))))
def test_progress_is_written_at_most_once_a_second_and_not_in_the_first(
    make_file: MakeFile, monkeypatch: pytest.MonkeyPatch, steps: list[tuple[float, int]]
) -> None:
    now: list[float] = [0.0]
    written: list[tuple[float, int]] = []
    monkeypatch.setattr(processing, "time", SimpleNamespace(monotonic=lambda: now[0]))
    held = take(make_file())
    report = reporter(held)

    for seconds, percent in steps:
        now[0] += seconds
        if now[0] - (written[-1][0] if written else 0.0) >= PROGRESS_EVERY_SECONDS:
            written.append((now[0], percent))
        report("reading", percent)
        expected = {"stage": "reading", "percent": written[-1][1]} if written else None
        assert row_of(held.file)["progress"] == expected


@pytest.mark.django_db
def test_who_lost_the_claim_tells_no_progress_and_stops(make_file: MakeFile) -> None:
    held = take(make_file())
    lapse(held.file)
    take(held.file)

    with pytest.raises(ClaimLost):
        reporter(held, every_seconds=0)("reading", 50)

    assert row_of(held.file)["progress"] is None


@pytest.mark.django_db
def test_progress_that_cannot_be_written_stops_no_work(
    make_file: MakeFile, log_events: list[dict[str, Any]]
) -> None:
    report = reporter(take(make_file()), every_seconds=0)

    def be_away(*args: Any) -> Any:
        raise OperationalError("gone")

    with connection.execute_wrapper(be_away):
        report("reading", 50)

    (event,) = [event for event in log_events if event["event"] == "progress.not_written"]
    assert event["error"] == "OperationalError"
