"""Each dependency broken for real, and what the doctor says of it."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import sentry_sdk
from django.db import connection
from django.utils import timezone

from filesvc.broker import open_broker
from filesvc.doctor import dependencies
from filesvc.doctor.dependencies import (
    examine_doorbell,
    examine_migrations,
    examine_readiness,
    examine_reports,
    examine_signatures,
)
from filesvc.doctor.workers import examine_confinement
from filesvc.models import File, Status
from security import canary
from security.signatures import Scanner
from tests.filesvc.claiming import take
from tests.filesvc.conftest import MakeFile
from tests.filesvc.doctor.seeing import see, states
from tests.stack import Server

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def new_canary(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the scanner said in another test is no word in this one."""
    monkeypatch.setattr(canary, "canary", canary.Canary())


def test_a_scanner_that_is_gone_is_told_and_nothing_else_is(servers: dict[str, Server]) -> None:
    with servers["clamd"].stopped():
        seen = see(examine_readiness)

    assert [name for name, state in states(seen).items() if state != "ok"] == ["scanner"]
    assert seen["scanner"].told == "scanner_unavailable"
    assert "start clamd" in seen["scanner"].remedy


@pytest.mark.parametrize("fault", ["stopped", "frozen"])
def test_a_redis_that_is_away_is_told_for_both_its_uses(
    servers: dict[str, Server], fault: str
) -> None:
    with getattr(servers["redis"], fault)():
        seen = states(see(examine_readiness, examine_doorbell))

    assert (seen["broker"], seen["cache"], seen["doorbell"]) == ("failed", "failed", "unknown")
    assert (seen["database"], seen["scanner"]) == ("ok", "ok")


def test_a_store_that_cannot_be_written_is_told(storage: Any) -> None:
    (storage / "staging").rmdir()

    assert states(see(examine_readiness))["storage"] == "failed"


def test_files_that_nobody_works_on_are_told(make_file: MakeFile) -> None:
    file = make_file()
    File.objects.update(uploaded_at=timezone.now() - timedelta(hours=1))

    seen = see(examine_readiness)
    assert (str(seen["workers"].state), seen["workers"].told) == ("failed", "stuck")

    take(make_file())  # somebody works, on another one
    assert file.status == Status.QUEUED
    seen = see(examine_readiness)
    assert (str(seen["workers"].state), seen["workers"].remedy) == (
        "warning",
        "add workers, or raise WORKER_CONCURRENCY",
    )


def test_a_migration_that_is_missing_is_told() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM django_migrations WHERE id ="
            " (SELECT max(id) FROM django_migrations WHERE app = 'filesvc')"
        )

    seen = see(examine_migrations)["migrations"]

    assert (str(seen.state), seen.told) == ("failed", "1 are not applied")
    assert seen.remedy == "run manage.py migrate"


def test_a_database_of_a_later_version_is_told() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied)"
            " VALUES ('filesvc', '9999_later', '2026-11-23')"
        )

    assert states(see(examine_migrations)) == {"migrations": "warning"}


@pytest.mark.parametrize(
    ("age_days", "state", "told"),
    [
        (None, "warning", "the test set"),
        (2.9, "ok", "2.9 days old"),
        (3.1, "failed", "not ready"),
        (7.1, "failed", "uploads are refused"),
    ],
)
def test_signatures_are_told_with_their_age(
    monkeypatch: pytest.MonkeyPatch, age_days: float | None, state: str, told: str
) -> None:
    moment = None if age_days is None else timezone.now() - timedelta(days=age_days)
    scanner = Scanner("ClamAV 1.4.6", "test-only" if moment is None else "27456", moment)
    monkeypatch.setattr(dependencies, "ask_version", lambda: scanner)

    seen = see(examine_signatures)["signatures"]

    assert str(seen.state) == state
    assert told in seen.told


def test_a_broker_that_evicts_messages_is_told() -> None:
    with open_broker() as broker:
        assert "doorbell" not in see(examine_doorbell)
        broker.config_set("maxmemory-policy", "allkeys-lru")
        try:
            seen = see(examine_doorbell)["doorbell"]
        finally:
            broker.config_set("maxmemory-policy", "noeviction")

    assert str(seen.state) == "warning"
    assert "allkeys-lru" in seen.told


def test_a_doorbell_nobody_listens_to_is_told_unless_all_are_at_work(make_file: MakeFile) -> None:
    assert states(see(examine_doorbell)) == {"listeners": "failed"}

    take(make_file())

    assert states(see(examine_doorbell)) == {"listeners": "ok"}


@pytest.mark.parametrize(
    ("dsn", "state", "told"),
    [
        (None, "ok", "not set"),
        ("https://abcdef@errors.example/7", "ok", "errors.example"),
        ("http://abcdef@errors.example/7", "warning", "unencrypted"),
        ("https://errors.example", "failed", "no form"),
    ],
)
def test_the_form_of_the_address_of_reports_is_told_and_its_key_is_not(
    monkeypatch: pytest.MonkeyPatch, dsn: str | None, state: str, told: str
) -> None:
    client = SimpleNamespace(options={"dsn": dsn})
    monkeypatch.setattr(sentry_sdk, "get_client", lambda: client)

    seen = see(examine_reports)["sentry"]

    assert (str(seen.state), told in seen.told) == (state, True)
    assert "abcdef" not in seen.told


def test_a_machine_that_confines_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert states(see(examine_confinement)) == {"confinement": "ok"}

    monkeypatch.setattr("filesvc.doctor.workers.PROGRAM", "tests.filesvc.starts.nobody")
    seen = see(examine_confinement)["confinement"]

    assert str(seen.state) == "failed"
    assert "no file can be processed here" in seen.told


def test_a_broker_that_does_not_tell_its_settings_is_listened_to_all_the_same() -> None:
    with open_broker() as broker:
        broker.execute_command("ACL", "SETUSER", "default", "-config")
        try:
            seen = see(examine_doorbell)
        finally:
            broker.execute_command("ACL", "SETUSER", "default", "+config")

    assert set(seen) == {"listeners"}
