"""The life of the confined process: how it is started, replaced and ended, and what it has."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from errors import catalogue
from filesvc import sandbox
from filesvc.sandbox import Sandbox, stop_sandbox
from tests.filesvc.describing import ODD, describe_file, open_descriptors, process_id, state_of
from tests.stack import ROOT, wait_until

pytestmark = pytest.mark.usefixtures("odd_sandbox")


def test_one_process_describes_many_files(tmp_path: Path) -> None:
    contents = [bytes(size) for size in range(1, 30)]
    sizes, processes = [], set()

    for content in contents:
        sizes.append(describe_file(content, tmp_path).metadata["size"])
        processes.add(process_id())

    assert sizes == [len(content) for content in contents]
    assert len(processes) == 1


def test_a_process_that_has_served_enough_files_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_sandbox()
    monkeypatch.setattr(sandbox, "MAX_FILES", 2)
    processes = []

    for _ in range(4):
        describe_file(b"hello", tmp_path)
        processes.append(process_id())

    first, second = processes[0], processes[2]
    assert processes == [first, first, second, second]
    assert (first == second, state_of(first)) == (False, None)


def test_a_process_that_has_served_long_enough_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_sandbox()
    monkeypatch.setattr(sandbox, "MAX_AGE_SECONDS", 0.0)
    processes = set()

    for _ in range(3):
        describe_file(b"hello", tmp_path)
        processes.add(process_id())

    assert len(processes) == 3


def test_a_process_that_died_between_two_files_costs_neither(tmp_path: Path) -> None:
    describe_file(b"hello", tmp_path)
    first = process_id()
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: state_of(first) == "Z", 10, "it has ended")

    assert describe_file(b"hello", tmp_path).metadata["size"] == 5
    assert process_id() != first


def test_a_time_limit_from_outside_ends_the_process_that_is_still_at_work(tmp_path: Path) -> None:
    class TimeLimit(Exception):
        """What Celery raises in the middle of anything."""

    def interrupt(stage: str, percent: int) -> None:
        raise TimeLimit

    describe_file(b"hello", tmp_path)
    first = process_id()

    with pytest.raises(TimeLimit):
        describe_file(b"flood", tmp_path, interrupt)

    assert state_of(first) is None


def test_it_has_nothing_of_our_environment(tmp_path: Path) -> None:
    describe_file(b"hello", tmp_path)

    told = Path(f"/proc/{process_id()}/environ").read_bytes().split(b"\0")

    assert {line.partition(b"=")[0] for line in told if line} == {
        b"LANG",
        b"PYTHONDONTWRITEBYTECODE",
    }


def test_it_has_its_socket_and_nothing_else_open(tmp_path: Path) -> None:
    describe_file(b"hello", tmp_path)

    folder = Path(f"/proc/{process_id()}/fd")
    open_there = [str(link.readlink()).partition(":")[0] for link in folder.iterdir()]

    assert set(open_there) == {"socket", "/dev/null"}


def test_it_knows_no_framework_and_no_database(tmp_path: Path) -> None:
    # In a process of its own, because this one has loaded them all.
    program = "import filesvc.confined, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()

    assert "filesvc.confined" in loaded
    assert not {"django", "celery", "redis", "psycopg", "filesvc.models"} & set(loaded)


def test_it_ends_when_it_is_told_to_and_can_be_told_twice(tmp_path: Path) -> None:
    describe_file(b"hello", tmp_path)
    first = process_id()

    stop_sandbox()
    stop_sandbox()

    assert state_of(first) is None


def test_it_ends_in_the_middle_of_its_work_when_its_parent_was_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-m", "tests.filesvc.odd_parent", str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    with parent.stdout:
        child = int(parent.stdout.readline())
        assert state_of(child) not in (None, "Z")
        parent.kill()
        parent.wait()

    wait_until(lambda: state_of(child) in (None, "Z"), 10, "the child has ended as well")


@pytest.mark.parametrize(
    "program",
    [
        "tests.filesvc.starts.no_such_program",
        "tests.filesvc.starts.silent",
        "tests.filesvc.starts.talkative",
        "tests.filesvc.starts.unconfined",
    ],
)
def test_what_cannot_be_confined_gets_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    stop_sandbox()
    monkeypatch.setattr(sandbox, "PROGRAM", program)
    monkeypatch.setattr(sandbox, "SANDBOX_START_SECONDS", 1.5)
    before = open_descriptors()

    with pytest.raises(catalogue.ProcessingDependencyUnavailable, match="sandbox: "):
        describe_file(b"hello", tmp_path)

    assert open_descriptors() == before


def test_a_machine_that_starts_no_process_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    before = open_descriptors()

    with pytest.raises(catalogue.ProcessingDependencyUnavailable, match="sandbox: "):
        Sandbox(ODD)

    assert open_descriptors() == before
