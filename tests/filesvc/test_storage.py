"""Bytes, row and ring: both of the first two or neither, and the third when it can be."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from django.db import DataError, InterfaceError, OperationalError, connection
from django.utils import timezone
from kombu import Producer

from errors import catalogue
from filesvc import head_room, tasks
from filesvc import storage as storage_module
from filesvc.blobs import blob_path
from filesvc.models import File
from security.circuit_breaker import CircuitBreaker
from tests.client import call, upload
from tests.conftest import assert_nothing_kept, assert_problem
from tests.filesvc.conftest import Doorbell, MakeFile
from tests.filesvc.repairs.repairing import run_repair
from tests.s3 import read_kept
from tests.stack import DATABASE, Server

Execute = Callable[..., Any]
BOUNDED_SECONDS = 5.0
ON_BOTH_STORES = pytest.mark.usefixtures("kept")


def failing(error: type[Exception], *beginnings: str) -> Execute:
    """A database that fails the statements on the files that begin like that."""

    def execute(execute: Execute, sql: str, *rest: Any) -> Any:
        if sql.startswith(beginnings) and '"filesvc_file"' in sql:
            raise error("the connection is gone")
        return execute(sql, *rest)

    return execute


@ON_BOTH_STORES
@pytest.mark.django_db
@pytest.mark.parametrize("error", [OperationalError, InterfaceError, DataError])
def test_a_row_that_cannot_be_written_leaves_no_bytes(
    token: str, storage: Path, error: type[Exception]
) -> None:
    with connection.execute_wrapper(failing(error, "INSERT")):
        answer = upload(token, b"hello")

    assert_problem(answer, 503, "database_unavailable")
    assert_nothing_kept(storage)
    assert read_kept() == {}


@ON_BOTH_STORES
@pytest.mark.django_db
def test_bytes_stay_for_the_sweeper_while_the_database_does_not_answer(
    token: str, storage: Path, log_events: list[dict[str, Any]]
) -> None:
    head_room.backlog.tell()  # known for a second: the file's own statements are to fail
    with connection.execute_wrapper(failing(OperationalError, "INSERT", "SELECT")):
        answer = upload(token, b"hello")

    assert_problem(answer, 503, "database_unavailable")
    assert File.objects.count() == 0
    ((name, left),) = read_kept().items()
    assert left == b"hello"
    (event,) = [event for event in log_events if event["event"] == "blob.left_for_sweeper"]
    assert event["file_id"].replace("-", "") == name


@pytest.mark.skipif(DATABASE == "sqlite", reason="SQLite has no server to lose")
@pytest.mark.django_db(transaction=True)
def test_a_connection_that_dies_at_the_insert_leaves_nothing(token: str, storage: Path) -> None:
    def hang_up(execute: Execute, sql: str, *rest: Any) -> Any:
        if sql.startswith('INSERT INTO "filesvc_file"'):
            backend = connection.connection.info.backend_pid
            address = connection.get_connection_params()
            with psycopg.connect(host=address["host"], user="postgres", dbname="postgres") as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
        return execute(sql, *rest)

    with connection.execute_wrapper(hang_up):
        answer = upload(token, b"hello")

    assert_problem(answer, 503, "database_unavailable")
    assert_nothing_kept(storage)
    assert upload(token, b"hello").status == 201


@ON_BOTH_STORES
@pytest.mark.django_db(transaction=True)
def test_a_commit_whose_reply_is_lost_is_found_out_to_have_happened(
    token: str, storage: Path, doorbell: Doorbell, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = connection._commit  # type: ignore[attr-defined]  # inside the library

    def commit_and_lose_the_reply() -> None:
        commit()
        raise OperationalError("the reply is lost")

    with monkeypatch.context() as patch:
        patch.setattr(connection, "_commit", commit_and_lose_the_reply)
        answer = upload(token, b"hello")

    assert answer.status == 201, answer.body
    file = File.objects.get()
    assert read_kept() == {file.id.hex: b"hello"}
    assert doorbell.rung_for() == [file.id]


@ON_BOTH_STORES
@pytest.mark.django_db(transaction=True)
def test_a_commit_that_did_not_happen_leaves_nothing(
    token: str, storage: Path, doorbell: Doorbell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise OperationalError("the connection is gone")

    with monkeypatch.context() as patch:
        patch.setattr(connection, "_commit", fail)
        answer = upload(token, b"hello")

    assert_problem(answer, 503, "database_unavailable")
    assert_nothing_kept(storage)
    assert doorbell.rung_for() == []


@pytest.mark.django_db(transaction=True)
def test_the_doorbell_is_rung_once_and_only_after_the_commit(
    token: str, storage: Path, doorbell: Doorbell, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, rung_before = connection._commit, []  # type: ignore[attr-defined]  # inside the library

    def watched_commit() -> None:
        rung_before.extend(doorbell.rung_for())
        commit()

    with monkeypatch.context() as patch:
        patch.setattr(connection, "_commit", watched_commit)
        assert upload(token, b"hello").status == 201

    assert rung_before == []
    assert doorbell.rung_for() == [File.objects.get().id]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fault", ["stopped", "frozen"])
def test_a_broker_that_is_away_delays_a_file_and_refuses_none(
    token: str, doorbell: Doorbell, servers: dict[str, Server], fault: str
) -> None:
    started = time.monotonic()
    with getattr(servers["redis"], fault)():
        answers = [upload(token, b"hello") for _ in range(3)]
        took_seconds = time.monotonic() - started

    assert [answer.status for answer in answers] == [201] * 3
    assert took_seconds < BOUNDED_SECONDS
    assert File.objects.filter(status="queued").count() == 3
    # Only the first was tried; a frozen Redis may still take it in afterwards.
    assert len(doorbell.rung_for()) <= 1


@pytest.mark.django_db(transaction=True)
def test_not_even_a_crash_of_the_broker_library_fails_an_upload(
    token: str, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("a fault nobody thought of")

    monkeypatch.setattr(Producer, "publish", crash)

    assert upload(token, b"hello").status == 201
    assert blob_path(File.objects.get().id).read_bytes() == b"hello"


@pytest.mark.django_db(transaction=True)
def test_a_broker_without_memory_refuses_no_upload(token: str, doorbell: Doorbell) -> None:
    doorbell.client.config_set("maxmemory", 1)
    try:
        answer = upload(token, b"hello")
    finally:
        doorbell.client.config_set("maxmemory", 0)

    assert answer.status == 201
    assert doorbell.rung_for() == []


@pytest.mark.django_db(transaction=True)
def test_what_was_not_rung_for_is_rung_for_by_the_sweeper(
    token: str,
    doorbell: Doorbell,
    servers: dict[str, Server],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with servers["redis"].stopped():
        assert upload(token, b"hello").status == 201
    monkeypatch.setattr(tasks, "_doorbell_breaker", CircuitBreaker(5.0))  # its rest is over
    File.objects.update(notified_at="2026-01-01T00:00:00Z")

    assert run_repair("ring_again") == 1

    assert doorbell.rung_for() == [File.objects.get().id]


@pytest.mark.django_db
def test_a_web_process_whose_clock_is_ahead_delays_no_ring(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = timezone.now() + timedelta(hours=1)
    monkeypatch.setattr(storage_module, "timezone", SimpleNamespace(now=lambda: ahead))

    assert upload(token, b"hello").status == 201

    file = File.objects.get()
    assert (file.uploaded_at, file.notified_at < ahead - timedelta(minutes=50)) == (ahead, True)


@pytest.mark.django_db
def test_a_file_is_deleted_with_its_row_whatever_becomes_of_its_bytes(
    token: str, make_file: MakeFile, log_events: list[dict[str, Any]]
) -> None:
    file = make_file()
    blob_path(file.id).unlink()
    blob_path(file.id).mkdir()

    assert call("DELETE", file.path, token=token).status == 204

    assert not File.objects.exists()
    told = [(event["event"], event["file_id"]) for event in log_events]
    assert told == [("file.deleted", str(file.id)), ("blob.left_behind", str(file.id))]
    assert_problem(call("GET", file.path, token=token), 404, "not_found")


@ON_BOTH_STORES
@pytest.mark.django_db
def test_bytes_that_a_deletion_leaves_are_removed_by_the_sweeper(
    token: str, make_file: MakeFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(file_id: uuid.UUID) -> None:
        raise catalogue.StorageUnavailable(note="away")

    file, later = make_file(b"hello"), time.time() + 61 * 60
    monkeypatch.setattr("filesvc.storage.delete_blob", refuse)
    assert call("DELETE", file.path, token=token).status == 204
    assert read_kept() == {file.id.hex: b"hello"}
    monkeypatch.setattr("filesvc.repairs.store.time", lambda: later)

    assert run_repair("remove_orphan_blobs") == 1

    assert read_kept() == {}


@ON_BOTH_STORES
@pytest.mark.django_db
def test_a_row_that_cannot_be_deleted_keeps_its_bytes(token: str, make_file: MakeFile) -> None:
    file = make_file(b"hello")

    with connection.execute_wrapper(failing(OperationalError, "DELETE")):
        answer = call("DELETE", file.path, token=token)

    assert_problem(answer, 503, "database_unavailable")
    assert File.objects.get() == file
    assert read_kept() == {file.id.hex: b"hello"}
