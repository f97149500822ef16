"""Whatever breaks in the middle: a retry with the key settles it, and there is one file."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection, connections
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from filesvc.deadlines import edge_seconds
from filesvc.models import File, IdempotencyKey
from tests.client import file_part, form, post_form, text_part
from tests.conftest import assert_nothing_kept, assert_problem, kept_files
from tests.filesvc import keying
from tests.filesvc.keying import assert_replayed, header, lapse, send
from tests.filesvc.test_intake import forget_all

pytestmark = pytest.mark.django_db(transaction=True)

Execute = Callable[..., Any]
CODE = "idempotency_key_in_progress"


# --- a process that is gone -----------------------------------------------------------


def test_a_claim_stands_until_the_deadline_of_its_request(token: str, storage: Path) -> None:
    keying.claim(lease=timedelta(seconds=5))
    assert_problem(send(token), 409, CODE)
    assert_nothing_kept(storage)

    lapse()

    answer = send(token)
    assert answer.status == 201
    assert "idempotency-replayed" not in answer.headers
    assert_replayed(send(token), answer)


def test_a_killed_process_leaves_a_claim_that_ends(token: str, storage: Path) -> None:
    connections.close_all()
    process = multiprocessing.get_context("fork").Process(target=die_while_receiving, args=(token,))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL

    row = IdempotencyKey.objects.get()
    assert row.status is None
    left = row.lease_until - timezone.now()
    assert timedelta(0) < left <= timedelta(seconds=edge_seconds())
    assert_problem(send(token), 409, CODE)
    lapse()
    assert send(token).status == 201
    assert File.objects.count() == 1


def die_while_receiving(token: str) -> None:
    """A worker that is killed when its claim is made and half of the body is there."""

    class Last:
        def read(self, size: int) -> bytes:
            os.kill(os.getpid(), signal.SIGKILL)
            return b""

    body = form(file_part(b"hello"))
    post_form(token, b"", stream=Last(), headers=header(), CONTENT_LENGTH=str(len(body)))


# --- an answer nobody heard -----------------------------------------------------------


def test_a_commit_nobody_knows_of_is_settled_by_the_key(
    token: str, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = connection._commit  # type: ignore[attr-defined]  # inside the library
    lost: list[bool] = []

    def lose() -> None:
        commit()
        lost.append(True)
        raise OperationalError("the reply is lost")

    def fail_once_lost(execute: Execute, sql: str, *rest: Any) -> Any:
        if sql.startswith("UPDATE") and "idempotencykey" in sql:
            monkeypatch.setattr(connection, "_commit", lose)
        if lost and '"filesvc_file"' in sql:
            raise OperationalError("the connection is gone")
        return execute(sql, *rest)

    with connection.execute_wrapper(fail_once_lost):
        unheard = send(token)
    monkeypatch.undo()

    assert_problem(unheard, 503, "database_unavailable")
    file = File.objects.get()
    again = send(token)
    assert (again.status, again.json["id"]) == (201, str(file.id))
    assert again.headers["idempotency-replayed"] == "true"
    assert File.objects.count() == len(kept_files(storage)) == 1


def test_a_claim_whose_reply_is_lost_stands_in_nobody_s_way(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = connection._commit  # type: ignore[attr-defined]  # inside the library

    def lose() -> None:
        commit()
        monkeypatch.undo()
        raise OperationalError("the reply is lost")

    monkeypatch.setattr(connection, "_commit", lose)
    assert_problem(send(token), 503, "database_unavailable")

    assert IdempotencyKey.objects.count() == 0
    assert send(token).status == 201


REFUSED = {
    "extension_not_allowed": lambda t: send(t, b"hello", "a.exe"),  # to be kept
    "missing_file": lambda t: post_form(t, form(text_part("sha256", "")), headers=header()),
}


@pytest.mark.parametrize("code", REFUSED)
def test_a_key_that_cannot_be_let_go_is_left_to_its_lease(
    token: str, log_events: list[dict[str, Any]], code: str
) -> None:
    def fail(execute: Execute, sql: str, *rest: Any) -> Any:
        if sql.startswith(("DELETE", "UPDATE")) and "idempotencykey" in sql:
            raise OperationalError("the connection is gone")
        return execute(sql, *rest)

    with connection.execute_wrapper(fail):
        assert REFUSED[code](token).code == code

    assert [e["error"] for e in log_events if e["event"] == "key.left_to_lease"] == [
        "OperationalError"
    ]
    assert_problem(send(token), 409, CODE)
    lapse()
    assert send(token).status == 201


# --- anything, anywhere ---------------------------------------------------------------


@pytest.mark.property
@given(number=st.integers(1, 12), is_after=st.booleans())
def test_wherever_the_database_fails_retries_end_in_one_file(
    token: str, storage: Path, number: int, *, is_after: bool
) -> None:
    seen: list[str] = []

    def fail_once(execute: Execute, sql: str, *rest: Any) -> Any:
        if not sql.startswith(("SELECT", "INSERT", "UPDATE", "DELETE")):
            return execute(sql, *rest)
        seen.append(sql)
        fails = len(seen) == number
        if fails and not is_after:
            raise OperationalError("the connection is gone")
        answer = execute(sql, *rest)
        if fails:
            raise OperationalError("the reply is lost")
        return answer

    with connection.execute_wrapper(fail_once):
        answers = [send(token)]
    while answers[-1].status != 201 and len(answers) < 3:
        assert answers[-1].status in (409, 503), answers[-1].body
        lapse()
        answers.append(send(token))
    assert answers[-1].status == 201, answers[-1].body

    assert_replayed(send(token), answers[-1])
    assert [str(file.id) for file in File.objects.all()] == [answers[-1].json["id"]]
    assert File.objects.get().id.hex in [path.name for path in kept_files(storage)]
    IdempotencyKey.objects.all().delete()
    forget_all(storage)
