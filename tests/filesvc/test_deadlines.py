"""The inner deadline ends before the outer one, in the settings and in what is started."""

from __future__ import annotations

import configparser
import importlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks

from filesvc.checks import check_deadlines, check_task_limits
from filesvc.deadlines import (
    BUCKET_CALL_SECONDS,
    FRAME_SECONDS,
    RETRY_SECONDS,
    SANDBOX_START_SECONDS,
    VISIBILITY_SECONDS,
    deadlines_in_order,
    edge_seconds,
    server_seconds,
    task_hard_seconds,
    task_soft_seconds,
)
from security.signatures import VERSION_SECONDS
from tests.client import call, upload
from tests.conftest import assert_nothing_kept, assert_problem
from tests.stack import ROOT


def test_the_deadlines_are_in_order_as_they_come() -> None:
    seconds = [limit for _, limit in deadlines_in_order()]

    assert seconds == sorted(set(seconds))
    assert check_deadlines() == []


@pytest.mark.parametrize(
    ("scan", "request_", "named"),
    [
        (35, 35, "SCAN_TIMEOUT_SECONDS must be shorter than REQUEST_TIMEOUT_SECONDS"),
        (40, 35, "SCAN_TIMEOUT_SECONDS must be shorter than REQUEST_TIMEOUT_SECONDS"),
    ],
)
def test_an_inner_deadline_that_is_not_shorter_stops_the_start(
    settings: Any, scan: float, request_: float, named: str
) -> None:
    settings.SCAN_TIMEOUT_SECONDS, settings.REQUEST_TIMEOUT_SECONDS = scan, request_

    (message,) = check_deadlines()

    assert (message.id, message.is_serious()) == ("filesvc.E004", True)
    assert named in message.msg
    assert message in run_checks()


def test_a_task_is_interrupted_when_each_of_its_parts_has_given_up_and_not_before(
    settings: Any,
) -> None:
    waits = [VERSION_SECONDS, settings.SCAN_TIMEOUT_SECONDS, SANDBOX_START_SECONDS]
    works = [settings.PROCESSING_TIMEOUT_SECONDS, FRAME_SECONDS]
    assert task_soft_seconds() > sum(waits + works)

    on_a_disk = task_soft_seconds()
    settings.S3_BUCKET = "kept"

    added = [settings.PROCESSING_TIMEOUT_SECONDS, BUCKET_CALL_SECONDS]
    assert task_soft_seconds() == on_a_disk + sum(added)


@pytest.mark.parametrize("bucket", ["", "kept"])
def test_the_broker_waits_for_the_longest_task_as_the_settings_come(
    settings: Any, bucket: str
) -> None:
    settings.S3_BUCKET = bucket

    assert task_soft_seconds() < task_hard_seconds() < VISIBILITY_SECONDS
    assert check_task_limits() == []


@pytest.mark.parametrize("name", ["SCAN_TIMEOUT_SECONDS", "PROCESSING_TIMEOUT_SECONDS"])
def test_a_part_that_lets_a_task_outlive_the_brokers_patience_stops_the_start(
    settings: Any, name: str
) -> None:
    spare = VISIBILITY_SECONDS - task_hard_seconds()
    setattr(settings, name, getattr(settings, name) + spare - 1)
    assert check_task_limits() == []

    setattr(settings, name, getattr(settings, name) + 1)

    (message,) = check_task_limits()
    assert (message.id, message.is_serious()) == ("filesvc.E012", True)
    assert (message.msg, name in str(message.hint)) == (
        "a task may take 300 s, the broker waits 300 s",
        True,
    )
    assert message in run_checks()


@pytest.mark.django_db
def test_an_upload_that_took_too_long_is_given_up_before_it_is_kept(
    token: str, settings: Any, storage: Path
) -> None:
    assert call("GET", "/health/live").status == 200  # what is loaded now refuses such a setting
    settings.REQUEST_TIMEOUT_SECONDS = 0

    answer = upload(token, b"hello")

    assert assert_problem(answer, 503, "overloaded")["retry_after"] == RETRY_SECONDS
    assert_nothing_kept(storage)


def test_the_outer_deadlines_follow_the_one_that_is_set(settings: Any) -> None:
    settings.REQUEST_TIMEOUT_SECONDS = 600

    assert check_deadlines() == []
    assert edge_seconds() > server_seconds() > 600


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """The programs of docker/, which is no package; what they tell others is forgotten."""
    monkeypatch.syspath_prepend(str(ROOT / "docker"))
    monkeypatch.setattr(os, "environ", os.environ.copy())
    return importlib.import_module


def read_kill_timeout(command: list[str]) -> int:
    return int(command[command.index("--workers-kill-timeout") + 1])


def test_the_server_is_started_with_the_deadline_that_is_checked(
    load: Callable[[str], Any], settings: Any
) -> None:
    settings.REQUEST_TIMEOUT_SECONDS = 50
    supervised = configparser.ConfigParser(interpolation=None)
    supervised.read(ROOT / "docker/supervisord.conf")

    in_container = load("start").read_command("web")
    load("run").tell_supervisor()
    on_machine = supervised["program:web"]["command"].replace(
        "%(ENV_SERVER_SECONDS)s", os.environ["SERVER_SECONDS"]
    )

    assert server_seconds() > 50
    assert read_kill_timeout(in_container) == server_seconds()
    assert read_kill_timeout(on_machine.split()) == server_seconds()


def test_the_edge_is_configured_with_the_deadline_that_is_checked(
    load: Callable[[str], Any], settings: Any, tmp_path: Path
) -> None:
    settings.REQUEST_TIMEOUT_SECONDS = 50

    load("render").render_edge(tmp_path, {})

    told = re.findall(r"^ *proxy_read_timeout (\w+);$", (tmp_path / "site.conf").read_text(), re.M)
    assert edge_seconds() > server_seconds()
    assert told == [f"{edge_seconds()}s"]
