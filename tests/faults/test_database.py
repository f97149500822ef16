"""A database that is away, silent, slow or cut off: refused in time, and never half a file."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection, connections
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from config import database as product
from filesvc.models import File
from tests.conftest import kept_files
from tests.faults.conftest import Client, Serve, failing
from tests.faults.proxy import BLACKHOLE, REFUSE, RESET, ChaosProxy, Toxic
from tests.faults.report import AT_ONCE, BY_RETRY, WHEN_OVER, Report
from tests.stack import DATABASE, RUN_DIR, wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(DATABASE == "sqlite", reason="SQLite has no server to lose"),
]

BOUND_SECONDS = 15.0
INSERT = b'INSERT INTO "filesvc_file"'
CODE = "database_unavailable"

FAULTS = {
    "refuses": REFUSE,
    "resets": RESET,
    "talks nonsense": Toxic("garbage", b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "says nothing": Toxic("cut"),
    "hangs up in the middle": Toxic("cut", after_bytes=20),
}


@pytest.fixture
def database(serve: Serve) -> Iterator[ChaosProxy]:
    """The serving thread reaches PostgreSQL through a proxy; this thread goes past it."""
    connection.ensure_connection()
    address = connections["default"].settings_dict
    direct = {"HOST": address["HOST"], "PORT": address["PORT"]}
    with ChaosProxy(f"{direct['HOST']}/.s.PGSQL.5432") as proxy:
        address.update(HOST="127.0.0.1", PORT=str(proxy.port))
        yield proxy
        address.update(direct)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection made from now on waits one second for a reply."""
    monkeypatch.setattr(product, "REPLY_SECONDS", 1.0)


@pytest.fixture(params=["new connection", "kept connection"])
def at(request: pytest.FixtureRequest, database: ChaosProxy, client: Client, serve: Serve) -> str:
    """Whether the thread has already served somebody."""
    if request.param == "kept connection":
        assert serve(client.upload).status == 201
        client.forget()
    return str(request.param)


# --- before the row is written ----------------------------------------------------------


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_database_refuses_the_upload(
    database: ChaosProxy, at: str, client: Client, serve: Serve, fault: str
) -> None:
    with database.spoiled(FAULTS[fault]):
        answer = serve(client.upload)
        assert failing(serve) == ["database"]

    assert FAULTS[fault] is REFUSE or database.struck.is_set()
    client.log_events[:] = [event for event in client.log_events if event.get("code") == CODE]
    client.assert_refused(answer, CODE)
    assert failing(serve) == []
    assert serve(client.upload).status == 201, "it has healed"


@pytest.mark.usefixtures("impatient")
def test_a_silent_database_is_given_up_in_time(
    database: ChaosProxy, at: str, client: Client, serve: Serve
) -> None:
    started = time.monotonic()

    with database.spoiled(BLACKHOLE):
        answer = serve(client.upload)

    assert time.monotonic() - started < BOUND_SECONDS
    client.assert_refused(answer, CODE)
    assert serve(client.upload).status == 201, "it has healed"


def test_every_wait_for_the_database_together_stays_within_bounds() -> None:
    options = settings.DATABASES["default"]["OPTIONS"]
    statement = re.search(r"statement_timeout=(\d+)s", options["options"])

    assert statement is not None
    assert int(statement[1]) < product.REPLY_SECONDS, "the server tells more, so it comes first"
    # A kept connection that hangs, then a new one that does.
    assert product.REPLY_SECONDS + options["connect_timeout"] < BOUND_SECONDS


@pytest.mark.usefixtures("impatient")
def test_a_database_that_falls_silent_in_the_middle_is_given_up(
    database: ChaosProxy, client: Client, serve: Serve
) -> None:
    with database.spoiled(Toxic("blackhole", once_seen=INSERT)):
        answer = serve(client.upload)

    assert database.struck.is_set()
    client.assert_refused(answer, CODE)


def test_a_slow_database_is_waited_for(database: ChaosProxy, client: Client, serve: Serve) -> None:
    with database.spoiled(Toxic("delay", seconds=0.05)):
        answer = serve(client.upload)

    assert database.struck.is_set()
    client.assert_whole(answer)


@pytest.mark.fault(43, "a table stays locked")
def test_a_table_that_stays_locked_refuses_the_upload(
    database: ChaosProxy, client: Client, serve: Serve, report: Report
) -> None:
    started = time.monotonic()
    with psycopg.connect(**direct_address()) as other:
        other.execute("LOCK TABLE filesvc_file IN SHARE MODE")
        answer = serve(client.upload)

    assert time.monotonic() - started < BOUND_SECONDS
    client.assert_refused(answer, CODE)
    report(saw=answer, left="nothing", repaired=WHEN_OVER)


def test_a_connection_that_breaks_at_the_insert_leaves_nothing(
    database: ChaosProxy, client: Client, serve: Serve
) -> None:
    with database.spoiled(Toxic("reset", once_seen=INSERT)):
        answer = serve(client.upload)

    assert database.struck.is_set()
    client.assert_refused(answer, CODE)


# --- around the commit ------------------------------------------------------------------


@pytest.mark.fault(42, "the commit is made, its reply is lost")
def test_a_commit_whose_reply_is_lost_is_a_kept_file(
    database: ChaosProxy, client: Client, serve: Serve, report: Report
) -> None:
    with database.spoiled(Toxic("lose_reply", once_seen=b"COMMIT")):
        answer = serve(client.upload)

    assert database.struck.is_set()
    client.assert_whole(answer)
    report(saw=answer, left="row and bytes", repaired=AT_ONCE)


@pytest.mark.fault(42, "the database is lost before the commit")
def test_a_commit_that_never_arrives_leaves_nothing(
    database: ChaosProxy, client: Client, serve: Serve, report: Report
) -> None:
    with database.spoiled(Toxic("reset", once_seen=b"COMMIT")):
        answer = serve(client.upload)

    assert database.struck.is_set()
    client.assert_refused(answer, CODE)
    report(saw=answer, left="nothing", repaired=BY_RETRY)


def test_a_commit_that_still_runs_is_waited_for(
    database: ChaosProxy, client: Client, serve: Serve
) -> None:
    with database.spoiled(Toxic("hold", once_seen=b"COMMIT")), ThreadPoolExecutor(1) as other:
        arriving = other.submit(release_once_asked_for, database)
        answer = serve(client.upload)
        arriving.result()

    client.assert_whole(answer)


def test_a_commit_that_comes_after_the_answer_finds_its_bytes(
    database: ChaosProxy, client: Client, serve: Serve
) -> None:
    with database.spoiled(Toxic("hold", once_seen=b"COMMIT")):
        answer = serve(client.upload)
        assert File.objects.count() == 0
        database.release()
        wait_until(File.objects.exists, 10, "the commit has arrived")

    client.assert_told_once(answer, CODE)
    assert_row_and_bytes_agree(client)


def test_a_commit_nobody_can_ask_about_leaves_row_and_bytes_together(
    database: ChaosProxy, client: Client, serve: Serve
) -> None:
    with database.spoiled(Toxic("lose_reply", once_seen=b"COMMIT", then=REFUSE)):
        answer = serve(client.upload)

    client.assert_told_once(answer, CODE)
    assert_row_and_bytes_agree(client)


POINTS = st.sampled_from(
    [b"SELECT", b"BEGIN", INSERT, b"COMMIT"]
)  # fmt: skip
TOXICS = st.one_of(
    st.builds(Toxic, st.sampled_from(["reset", "lose_reply"]), once_seen=POINTS),
    st.builds(Toxic, st.just("garbage"), content=st.binary(max_size=30), once_seen=POINTS),
    st.builds(Toxic, st.just("cut"), after_bytes=st.integers(0, 400), once_seen=POINTS),
)


@pytest.mark.property
@hypothesis_settings(max_examples=50)
@given(toxic=TOXICS, is_kept=st.booleans())
@example(toxic=Toxic("garbage", b"Z\0\0\0\5I", once_seen=b"COMMIT"), is_kept=True)
@example(toxic=Toxic("garbage", b"\xff\xff\xff\xff\xff", once_seen=b"SELECT"), is_kept=True)
def test_wherever_the_connection_breaks_a_file_is_whole_or_not_there(
    database: ChaosProxy, client: Client, serve: Serve, toxic: Toxic, is_kept: bool
) -> None:
    if is_kept:
        serve(failing)
    else:
        serve(connections.close_all)

    with database.spoiled(toxic):
        answer = serve(client.upload)

    if answer.status == 201:
        client.assert_whole(answer)
    else:
        client.assert_refused(answer, CODE)
    client.forget()


def release_once_asked_for(database: ChaosProxy) -> None:
    """Let the held commit through when somebody waits for its row."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with psycopg.connect(**direct_address(), autocommit=True) as other:

        def is_waited_for() -> bool:
            row = other.execute(waiting).fetchone()
            return row is not None and row[0] > 0

        wait_until(is_waited_for, 10, "an insert of the same row waits")
    database.release()


def direct_address() -> dict[str, Any]:
    """Past the proxy."""
    return {
        "host": str(RUN_DIR / "pg"),
        "user": "postgres",
        "dbname": connections["default"].settings_dict["NAME"],
    }


def assert_row_and_bytes_agree(client: Client) -> None:
    """One row, one blob, and they belong together."""
    file = File.objects.get()
    assert [path.name for path in kept_files(client.storage)] == [file.id.hex]
