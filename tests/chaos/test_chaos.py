"""A short chaos run that keeps every promise, and breaches that the checker must not overlook."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests

from tests.chaos.checker import Findings
from tests.chaos.ledger import Ledger, Sent, find_fault
from tests.chaos.orchestra import orchestra
from tests.chaos.run import Run
from tests.samples import EICAR

pytestmark = [pytest.mark.system, pytest.mark.slow_fault]

SEED, SECONDS = 3, 30.0
# One of each sort, none of which takes long; `make chaos` has them all.
KINDS = [
    *("Redis flushed", "Redis killed", "clamd killed", "web worker killed", "worker main killed"),
    *("pool child killed", "confined process killed", "sweeper killed"),
    *("PostgreSQL backend killed", "everything killed, Redis empty"),
]


@dataclass
class Played:
    """A run that is over, whose service still runs."""

    run: Run
    found: Findings
    untouched: list[Sent]

    def take(self) -> Sent:
        """An acknowledged upload whose file is there and that no other test has."""
        return self.untouched.pop()

    def check(self) -> Findings:
        """What is amiss now."""
        return self.run.checker.check()


@pytest.fixture(scope="module")
def played() -> Iterator[Played]:
    with orchestra(with_edge=True) as target:
        lines: list[str] = []
        run = Run(target, SEED, lines.append, KINDS)
        found = run.play(SECONDS)
        print(*lines, *run.account(found), sep="\n")  # noqa: T201
        kept = [sent for sent in run.ledger.sent if sent.ids and not sent.deleted]
        yield Played(run, found, kept)


def test_half_a_minute_of_faults_breaks_no_promise(played: Played) -> None:
    assert played.found == Findings()
    assert sum(played.run.nemesis.faults.values()) >= 5
    assert played.run.ledger.totals()["acknowledged"] > 50
    assert {sent.refused_as for sent in played.run.ledger.sent} >= {"", "malware_detected"}


def test_lost_bytes_are_found(played: Played) -> None:
    sent = played.take()
    played.run.checker.blob_of(sent.file_id).unlink()

    assert any(sent.file_id in line for line in played.check().lost)


def test_changed_bytes_are_found(played: Played) -> None:
    sent = played.take()
    with played.run.checker.blob_of(sent.file_id).open("r+b") as blob:
        blob.write(b"\0")

    assert any(sent.file_id in line for line in played.check().lost)


def test_a_lost_row_is_found(played: Played) -> None:
    sent = played.take()
    played.run.target.ask("DELETE FROM filesvc_file WHERE id = %s", uuid.UUID(sent.file_id))

    assert any(sent.file_id in line for line in played.check().lost)


def test_a_second_row_for_one_content_is_found(played: Played) -> None:
    sent, twin = played.take(), uuid.uuid4()
    played.run.target.ask(
        "INSERT INTO filesvc_file SELECT (jsonb_populate_record(f, jsonb_build_object('id',"
        " %s::text))).* FROM filesvc_file f WHERE id = %s",
        str(twin),
        uuid.UUID(sent.file_id),
    )

    doubled = played.check().doubled
    assert any(str(twin) in line and sent.file_id in line for line in doubled)
    assert any("charged for" in line for line in doubled)


def test_two_ids_for_one_key_are_found(played: Played) -> None:
    sent = played.take()
    sent.ids.add(str(uuid.uuid4()))

    assert any(sent.name in line for line in played.check().doubled)


def test_an_effect_that_happened_twice_is_found(played: Played) -> None:
    sent = played.take()
    for status, processed in (("processing", False), ("processed", True)):
        played.run.target.ask(
            "UPDATE filesvc_file SET status = %s, processed = %s WHERE id = %s",
            status,
            processed,
            uuid.UUID(sent.file_id),
        )

    assert f"{sent.file_id} ended 2 times" in played.check().doubled


def test_kept_malware_is_found(played: Played) -> None:
    sent = played.take()
    played.run.checker.blob_of(sent.file_id).write_bytes(b"before " + EICAR)

    name = sent.file_id.replace("-", "")
    assert f"{name} lies in the store" in played.check().unscanned


def test_a_file_without_a_verdict_is_found(played: Played) -> None:
    sent = played.take()
    played.run.target.ask(
        "UPDATE filesvc_file SET scan_engine = '' WHERE id = %s", uuid.UUID(sent.file_id)
    )

    assert f"{sent.name} has no verdict" in played.check().unscanned


def test_a_kept_file_that_must_be_refused_is_found(played: Played) -> None:
    sent = played.take()
    sent.refusals = ("malware_detected",)

    assert f"{sent.name} was kept" in played.check().unscanned


def test_a_file_that_never_ends_is_found(played: Played) -> None:
    sent = played.take()
    played.run.target.ask(
        "UPDATE filesvc_file SET status = 'processing', processed = false,"
        " lease_until = now() + interval '1 hour' WHERE id = %s",
        uuid.UUID(sent.file_id),
    )

    assert f"{sent.name} is processing" in played.check().stuck


def test_bytes_that_the_sweeper_overlooks_are_found(played: Played) -> None:
    forgotten = played.run.target.storage / "staging" / "deep" / "forgotten"
    forgotten.parent.mkdir()
    forgotten.write_bytes(b"?")

    assert str(forgotten) in played.check().orphans


def answer(status: int, body: bytes, **headers: str) -> requests.Response:
    told = requests.Response()
    told.status_code, told._content = status, body
    told.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return told


def test_an_error_that_is_no_problem_is_found() -> None:
    ledger = Ledger()

    ledger.note("upload", answer(502, b"<html>", Content_Type="text/html"), 0.1)

    assert ledger.broken == ["upload 502: not a Problem: <html>"]


def test_a_success_is_no_fault() -> None:
    assert find_fault(answer(201, b"{}", Content_Type="application/json")) == ""
