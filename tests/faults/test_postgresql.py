"""A real PostgreSQL that restarts, is full or has no connection left: refused in time."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connections
from psycopg import sql

from filesvc import head_room
from filesvc.models import File, StoredUsage
from tests import stack
from tests.client import Answer
from tests.faults.conftest import Client, Serve, failing
from tests.faults.report import AFTER_AN_HOUR, WHEN_OVER, Report
from tests.faults.test_database import CODE, direct_address
from tests.stack import DATABASE

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(DATABASE == "sqlite", reason="SQLite has no server to lose"),
]

# A connection and a lock have three seconds each; the rest is room on a busy machine.
BOUND_SECONDS = 8.0
# The row, and the question whether it is there after all, wait for the lock each.
# Fewer than there are places: a client of another test may still hold one.
AT_ONCE, LOCKED_TABLE_SECONDS = 12, 15.0
ROOM_BYTES = 1024 * 1024


@pytest.fixture
def direct() -> Iterator[Any]:
    """A connection of its own, for what Django must not see."""
    with psycopg.connect(**direct_address(), autocommit=True) as connection:
        yield connection


def refuse(client: Client, serve: Serve) -> Any:
    """The answer, once it has been found a whole refusal."""
    answer = serve(client.upload)
    client.assert_refused(answer, CODE)
    client.log_events.clear()
    return answer


def crash_database() -> None:
    """An immediate shutdown: what runs is cut off, the next start recovers."""
    server = stack.SERVERS["postgresql"]
    assert server.process is not None
    server.process.send_signal(signal.SIGQUIT)
    server.process.wait(timeout=30)
    server.process = None
    connections.close_all()


@pytest.mark.fault(42, "the database restarts")
def test_a_database_that_restarts_is_found_again_by_the_next_request(
    client: Client, serve: Serve, report: Report
) -> None:
    assert serve(client.upload).status == 201
    client.forget()
    crash_database()
    try:
        # Not `assert_refused`, which would have to ask it for its rows.
        answer = serve(client.upload)
        client.assert_told_once(answer, CODE)
        assert failing(serve) == ["database"]
    finally:
        stack.SERVERS["postgresql"].start()
    client.log_events.clear()

    client.assert_whole(serve(client.upload))
    assert failing(serve) == []
    report(saw=answer, left="nothing", repaired=WHEN_OVER)


@pytest.mark.fault(43, "the database has no connection left")
def test_a_database_without_a_free_connection_refuses_in_time(
    client: Client, serve: Serve, report: Report
) -> None:
    with contextlib.ExitStack() as taken:
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                taken.enter_context(psycopg.connect(**direct_address()))
        started = time.monotonic()
        answer = refuse(client, serve)
        took = time.monotonic() - started

    assert took < BOUND_SECONDS
    assert serve(client.upload).status == 201
    report(saw=answer, left="nothing", repaired=WHEN_OVER)


@pytest.mark.fault(43, "a row stays locked")
def test_a_row_that_stays_locked_refuses_in_time(
    client: Client, serve: Serve, direct: Any, settings: Any, report: Report
) -> None:
    settings.QUOTA_STORED_BYTES = 10**9
    assert serve(client.upload).status == 201
    client.forget()
    assert StoredUsage.objects.exists()
    started = time.monotonic()
    with direct.transaction():
        direct.execute("SELECT * FROM filesvc_storedusage FOR UPDATE")
        answer = refuse(client, serve)
        took = time.monotonic() - started

    assert took < BOUND_SECONDS
    assert serve(client.upload).status == 201
    report(saw=answer, left="nothing", repaired=WHEN_OVER)


@pytest.mark.fault(43, "the table of files stays locked under many uploads")
def test_uploads_that_wait_for_a_locked_table_wait_beside_each_other(
    *,
    client: Client,
    serve: Serve,
    direct: Any,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    report: Report,
) -> None:
    """Behind each other, each with its three seconds, they took 42 s."""
    settings.MAX_INFLIGHT_UPLOADS = AT_ONCE
    monkeypatch.setattr(head_room, "backlog", head_room.make_backlog())
    assert serve(client.upload).status == 201
    client.forget()
    monkeypatch.setattr(head_room, "BACKLOG_KNOWN_SECONDS", 0.0)
    started = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as threads, direct.transaction():
        direct.execute("LOCK TABLE filesvc_file IN ACCESS EXCLUSIVE MODE")
        answers = list(threads.map(lambda _: upload_and_leave(client), range(AT_ONCE)))
        took = time.monotonic() - started

    assert {(answer.status, answer.code) for answer in answers} == {(503, CODE)}
    assert took < LOCKED_TABLE_SECONDS
    assert File.objects.count() == 0
    assert serve(client.upload).status == 201
    report(saw=answers[0], left="bytes", repaired=AFTER_AN_HOUR)


def upload_and_leave(client: Client) -> Answer:
    """One upload of a thread that keeps no connection."""
    try:
        return client.upload()
    finally:
        connections.close_all()


@pytest.mark.fault(43, "two transactions wait for each other")
def test_a_deadlock_ends_in_a_refusal_of_one_of_the_two(
    client: Client, serve: Serve, direct: Any, settings: Any, report: Report
) -> None:
    """The upload holds its usage row and waits for the table; the other waits the other way."""
    settings.QUOTA_STORED_BYTES = 10**9
    assert serve(client.upload).status == 201
    client.forget()
    direct.execute("SET deadlock_timeout = '60s'")  # the upload's own second comes first
    with direct.transaction():
        direct.execute("LOCK TABLE filesvc_file IN SHARE MODE")
        with contextlib.ExitStack() as other:
            thread = other.enter_context(ThreadPoolExecutor(1))
            uploading = thread.submit(serve, client.upload)
            stack.wait_until(is_somebody_waiting, 20, "the upload waits for the table")
            direct.execute("UPDATE filesvc_storedusage SET stored_bytes = stored_bytes")
            answer = uploading.result(60)
    client.assert_refused(answer, CODE)

    assert serve(client.upload).status == 201
    report(saw=answer, left="nothing", repaired=WHEN_OVER)


def is_somebody_waiting() -> bool:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with psycopg.connect(**direct_address(), autocommit=True) as other:
        row = other.execute(waiting).fetchone()
    return row is not None and row[0] > 0


@pytest.fixture
def small_disk(tmp_path: Path, direct: Any, transactional_db: None) -> Iterator[Path]:
    """The table of files lies on a file system of its own with little room."""
    folder = stack.RUN_DIR / "small-disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM_BYTES}", "tmpfs", str(folder)]
    told = subprocess.run(mount, capture_output=True, text=True, check=False)
    if told.returncode:
        folder.rmdir()
        pytest.skip(f"cannot mount a file system here: {told.stderr.strip()}")
    space = folder / "space"
    space.mkdir(mode=0o700)
    if os.getuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(space, owner.pw_uid, owner.pw_gid)
    direct.execute(sql.SQL("CREATE TABLESPACE small LOCATION {}").format(str(space)))
    direct.execute("ALTER TABLE filesvc_file SET TABLESPACE small")
    try:
        yield folder
    finally:
        direct.execute("ALTER TABLE filesvc_file SET TABLESPACE pg_default")
        direct.execute("DROP TABLESPACE small")
        subprocess.run(["umount", "-l", str(folder)], check=True)
        folder.rmdir()


@pytest.mark.fault(38, "the database has no room")
def test_a_database_without_room_refuses_until_there_is_some(
    small_disk: Path, client: Client, serve: Serve, report: Report
) -> None:
    ballast = small_disk / "ballast"
    with contextlib.suppress(OSError):
        ballast.write_bytes(bytes(2 * ROOM_BYTES))

    answer = refuse(client, serve)
    assert File.objects.count() == 0
    ballast.unlink()

    client.assert_whole(serve(client.upload))
    report(saw=answer, left="nothing", repaired=WHEN_OVER)
