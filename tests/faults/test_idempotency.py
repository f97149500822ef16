"""A database lost round the commit of a keyed upload: the retry settles it, with one file."""

from __future__ import annotations

import pytest
from django.db import connections
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from filesvc.models import File, IdempotencyKey
from tests.client import Answer
from tests.conftest import assert_problem, kept_files
from tests.faults.conftest import Client, Serve, failing
from tests.faults.proxy import REFUSE, ChaosProxy, Toxic
from tests.faults.report import BY_RETRY, Report
from tests.faults.test_database import assert_row_and_bytes_agree, database
from tests.filesvc.keying import assert_replayed, lapse, send
from tests.stack import DATABASE, wait_until

__all__ = ["database"]

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(DATABASE == "sqlite", reason="SQLite has no server to lose"),
]

CODE = "database_unavailable"
HONEST = Toxic("delay")
ANSWERED = b'UPDATE "filesvc_idempotencykey"'


def at_the_file_s_commit(toxic: Toxic) -> Toxic:
    """The claim commits too, before the body; this strikes at the commit behind the answer."""
    return Toxic("delay", once_seen=ANSWERED, then=toxic)


def assert_one_file(client: Client, serve: Serve, retry: Answer) -> None:
    """The one file there is is the one the retry was told of, now and again."""
    assert retry.status == 201, retry.body
    assert [str(file.id) for file in File.objects.all()] == [retry.json["id"]]
    assert_row_and_bytes_agree(client)
    assert_replayed(serve(send, client.token), retry)


@pytest.mark.fault(42, "the commit is made, the database is gone")
def test_a_commit_nobody_can_ask_about_is_settled_by_the_retry(
    database: ChaosProxy, client: Client, serve: Serve, report: Report
) -> None:
    lost = Toxic("lose_reply", once_seen=b"COMMIT", then=REFUSE)
    with database.spoiled(at_the_file_s_commit(lost)):
        answer = serve(send, client.token)
        assert database.struck.is_set()

    client.assert_told_once(answer, CODE)
    retry = serve(send, client.token)
    assert retry.headers["idempotency-replayed"] == "true"
    assert_one_file(client, serve, retry)
    report(saw=answer, left="row and bytes", repaired=BY_RETRY)


def test_a_commit_whose_reply_is_lost_is_answered_and_kept(
    database: ChaosProxy, client: Client, serve: Serve
) -> None:
    with database.spoiled(at_the_file_s_commit(Toxic("lose_reply", once_seen=b"COMMIT"))):
        answer = serve(send, client.token)

    client.assert_whole(answer)
    assert_one_file(client, serve, answer)


def test_a_commit_that_never_arrives_leaves_the_key_free(
    database: ChaosProxy, client: Client, serve: Serve
) -> None:
    with database.spoiled(at_the_file_s_commit(Toxic("reset", once_seen=b"COMMIT", then=HONEST))):
        answer = serve(send, client.token)

    client.assert_refused(answer, CODE)
    retry = serve(send, client.token)
    assert "idempotency-replayed" not in retry.headers
    assert_one_file(client, serve, retry)


def test_a_commit_that_comes_after_the_answer_is_what_the_retry_is_told(
    database: ChaosProxy, client: Client, serve: Serve
) -> None:
    with database.spoiled(at_the_file_s_commit(Toxic("hold", once_seen=b"COMMIT"))):
        answer = serve(send, client.token)
        client.assert_told_once(answer, CODE)
        assert_problem(serve(send, client.token), 409, "idempotency_key_in_progress")
        database.release()
        wait_until(File.objects.exists, 10, "the commit has arrived")

    retry = serve(send, client.token)
    assert retry.headers["idempotency-replayed"] == "true"
    assert_one_file(client, serve, retry)


def test_a_claim_whose_reply_is_lost_stands_in_nobody_s_way(
    database: ChaosProxy, client: Client, serve: Serve
) -> None:
    with database.spoiled(Toxic("lose_reply", once_seen=b"COMMIT")):
        answer = serve(send, client.token)

    assert database.struck.is_set()
    client.assert_refused(answer, CODE)
    assert IdempotencyKey.objects.count() == 0
    assert_one_file(client, serve, serve(send, client.token))


POINTS = st.sampled_from(
    [b"SELECT", b"BEGIN", b'INSERT INTO "filesvc_idempotencykey"', b'INSERT INTO "filesvc_file"',
     ANSWERED, b"COMMIT", b"DELETE"]
)  # fmt: skip
TOXICS = st.one_of(
    st.builds(Toxic, st.sampled_from(["reset", "lose_reply"]), once_seen=POINTS),
    st.builds(Toxic, st.just("garbage"), content=st.binary(max_size=30), once_seen=POINTS),
    st.builds(Toxic, st.just("cut"), after_bytes=st.integers(0, 400), once_seen=POINTS),
)


@pytest.mark.property
@hypothesis_settings(max_examples=30)
@given(toxic=TOXICS | TOXICS.map(at_the_file_s_commit), is_kept=st.booleans())
@example(toxic=Toxic("garbage", b"\0\0\0\0\0", once_seen=b"BEGIN"), is_kept=False)
@example(
    toxic=at_the_file_s_commit(Toxic("garbage", b"Z\0\0\0\5I", once_seen=b"COMMIT")), is_kept=True
)
def test_wherever_the_connection_breaks_retries_end_in_one_file(
    database: ChaosProxy, client: Client, serve: Serve, toxic: Toxic, is_kept: bool
) -> None:
    serve(failing) if is_kept else serve(connections.close_all)
    with database.spoiled(toxic):
        answer = serve(send, client.token)

    for _ in range(2):
        if answer.status != 201:
            assert answer.status in (409, 503), answer.body
            serve(connections.close_all)  # a hung-up connection may hold its locks so long
            lapse()  # the deadline of whatever could not be let go
            answer = serve(send, client.token)

    assert answer.status == 201, answer.body
    assert [str(file.id) for file in File.objects.all()] == [answer.json["id"]]
    assert answer.json["id"].replace("-", "") in [p.name for p in kept_files(client.storage)]
    assert_replayed(serve(send, client.token), answer)
    IdempotencyKey.objects.all().delete()
    client.forget()
