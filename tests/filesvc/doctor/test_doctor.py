"""The doctor as it is called: a line or an object for each finding, and an exit status."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from filesvc.broker import open_broker
from filesvc.doctor import examine, exit_status
from filesvc.doctor.dependencies import examine_doorbell
from filesvc.doctor.finding import Finding, State, fail, ok, warn
from tests.filesvc.doctor.seeing import see
from tests.filesvc.processes import running_worker
from tests.stack import RUN_DIR, Server, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


def run(*arguments: str) -> tuple[int, str]:
    """The exit status, and what was printed."""
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("doctor", *arguments, stdout=out)
    assert isinstance(ended.value.code, int)
    return ended.value.code, out.getvalue()


def test_a_whole_service_is_found_well(storage: Path) -> None:
    with open_broker() as broker:
        broker.flushdb()
    with running_worker(storage):
        wait_until(lambda: see(examine_doorbell)["listeners"].state == "ok", 30, "it listens")
        status, out = run()

    assert status == 0
    states = {line.split()[0] for line in out.splitlines() if not line.startswith(" ")}
    assert states == {"ok", "warning", "skipped"}
    warnings = {line.split()[1] for line in out.splitlines() if line.startswith("warning")}
    assert warnings == {"settings", "signatures"}  # tests scan with the bundled test set
    assert "malware at the end of 26,214,400 bytes is found" in out


def test_what_is_wrong_is_told_with_what_to_do_about_it(servers: dict[str, Server]) -> None:
    with servers["redis"].stopped():
        status, out = run()

    assert status == 1
    lines = out.splitlines()
    broken = next(number for number, line in enumerate(lines) if line.startswith("failed   broker"))
    assert "do: start the Redis of BROKER_URL" in lines[broken + 1]


def test_a_script_gets_one_document_without_secrets_in_it(settings: Any) -> None:
    status, out = run("--json")

    told = json.loads(out)
    assert told["exit"] == status
    assert {"name", "state", "told", "remedy"} == set(told["findings"][0])
    for finding in told["findings"]:
        assert bool(finding["remedy"]) == (finding["state"] in ("warning", "failed", "unknown"))
    assert os.environ["SECRET_KEY"] not in out
    assert str(RUN_DIR) not in "".join(finding["told"] for finding in told["findings"])


@pytest.mark.parametrize(
    ("states", "status"),
    [
        ("", 0),
        ("ok warning skipped", 0),
        ("ok unknown", 2),
        ("unknown failed ok", 1),
    ],
)
def test_the_exit_status_is_that_of_the_worst_finding(states: str, status: int) -> None:
    assert exit_status([Finding("one", State(name), "") for name in states.split()]) == status


def test_an_examination_that_breaks_stops_no_other() -> None:
    def examine_broken_things() -> Iterator[Finding]:
        yield ok("first", "well")
        raise ConnectionResetError("with an address")

    def examine_others() -> Iterator[Finding]:
        yield fail("third", "ill", "rest")
        yield warn("fourth", "tired", "sleep")

    found = list(examine([(examine_broken_things,), (examine_others,)]))

    assert [(one.name, str(one.state)) for one in found] == [
        ("first", "ok"),
        ("broken things", "unknown"),
        ("third", "failed"),
        ("fourth", "warning"),
    ]
    assert found[1].told == "could not be told: ConnectionResetError"


def test_settings_that_are_wrong_are_a_finding_and_stop_no_other(settings: Any) -> None:
    settings.DEBUG = True
    settings.SECRET_KEY = "change-me-" * 5

    status, out = run("--json")

    told = {one["told"]: one["state"] for one in json.loads(out)["findings"]}
    assert (status, told["DEBUG is on"], told["SECRET_KEY is a placeholder"]) == (
        1,
        "failed",
        "failed",
    )
    assert "all applied" in told
