"""Start, stop, and what happens after a process was killed."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from tests.system.service import Service, wait_until

pytestmark = pytest.mark.system

PROGRAMS = ("supervisord", "redis", "clamd", "web", "worker", "sweeper")


def count(service: Service, mark: str) -> int:
    """How many processes carry the mark in their command line."""
    return sum(mark in command for command in service.processes().values())


def assert_one_healthy_set(service: Service) -> None:
    """Ready, nothing doubled, and the main job still works."""
    wait_until(service.is_ready, 30, "ready")
    assert count(service, "supervisord ") == 1
    assert count(service, "redis-server ") == 1
    assert count(service, "bin/clamd ") == 1
    assert count(service, "manage.py sweep") == 1
    assert count(service, "granian ") == 3  # the main process and two workers
    token = service.issue_token()
    created = service.upload(token, b"hello", "note.txt")
    assert created.status_code == 201, created.text
    path = created.headers["Location"]
    wait_until(lambda: service.get(token, path).json()["processed"], 10, "processed")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_leaves_no_process_and_the_next_start_is_quick(
    own_service: Service, number: int
) -> None:
    first_seconds = own_service.start()
    assert_one_healthy_set(own_service)

    assert own_service.stop(number) < 60
    assert own_service.start() < max(10, 2 * first_seconds), "as quick as the machine is"
    assert "A token for" not in own_service.output

    assert_one_healthy_set(own_service)
    own_service.stop()
    assert own_service.processes() == {}


def test_a_killed_supervisor_is_cleaned_up_by_the_next_start(own_service: Service) -> None:
    own_service.start()
    os.kill(own_service.pid_of("supervisord"), signal.SIGKILL)
    assert own_service.process is not None
    own_service.process.wait(timeout=10)
    assert own_service.processes()  # its children live on

    own_service.start()

    assert_one_healthy_set(own_service)


@pytest.mark.parametrize("program", ["web", "clamd", "redis", "worker", "sweeper"])
def test_a_killed_program_is_restarted(service: Service, program: str) -> None:
    before = service.pid_of(program)

    os.kill(before, signal.SIGKILL)

    wait_until(lambda: service.pid_of(program) != before, 20, f"{program} is restarted")
    wait_until(lambda: not group_members(before), 20, "its old workers are gone")
    assert_one_healthy_set(service)


def group_members(group: int) -> list[int]:
    """Live processes of a process group."""
    told = subprocess.run(["pgrep", "-g", str(group)], capture_output=True, text=True, check=False)
    return [int(pid) for pid in told.stdout.split()]


def test_a_second_run_of_the_same_clone_is_refused_in_one_line(service: Service) -> None:
    told = subprocess.run(
        ["make", "--silent", "run"], cwd=service.root, capture_output=True, text=True, check=False
    )

    assert told.returncode != 0
    assert "already running" in told.stderr.splitlines()[0]
    assert service.is_ready()


def test_a_taken_port_is_refused_in_one_line(own_service: Service, service: Service) -> None:
    told = subprocess.run(
        ["make", "--silent", "run", f"PORT={service.port}"],
        cwd=own_service.root,
        capture_output=True,
        text=True,
        check=False,
    )

    assert told.returncode != 0
    assert f"port {service.port} is taken" in told.stderr.splitlines()[0]
    assert own_service.processes() == {}


def test_a_bad_setting_is_refused_in_one_line(own_service: Service) -> None:
    told = subprocess.run(
        ["make", "--silent", "run", f"PORT={own_service.port}"],
        cwd=own_service.root,
        env=os.environ | {"UPLOAD_RATE": "many", "FILESVC_ENV_FILES": ""},
        capture_output=True,
        text=True,
        check=False,
    )

    assert told.returncode != 0
    assert told.stderr.splitlines()[0].startswith("setting UPLOAD_RATE: ")
    assert own_service.processes() == {}
