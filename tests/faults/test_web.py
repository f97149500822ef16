"""A real web server on a real wire that is cut, killed, left without an answer and lied to."""

from __future__ import annotations

import os
import re
import signal
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from filesvc.blobs import prepare_storage
from filesvc.models import File
from filesvc.sweeper import sweep_once
from tests.conftest import assert_nothing_kept, kept_files
from tests.faults.living import (
    Web,
    assert_kept,
    raw_upload,
    read_all,
    running_web,
    upload_to,
)
from tests.faults.proxy import ChaosProxy, Toxic
from tests.faults.report import AFTER_AN_HOUR, BY_RETRY, NOTHING, Report
from tests.filesvc.repairs.test_store import Wait, wait
from tests.stack import wait_until
from tests.system.edge import edge, talk
from tests.system.test_edge import read_problem

__all__ = ["wait"]
pytestmark = pytest.mark.django_db(transaction=True)

HOUR_SECONDS = 61 * 60
LOST = "the connection is lost"
LARGE = b"a line of text\n" * 40_000


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store for the server of all these tests."""
    return tmp_path_factory.mktemp("web") / "storage"


@pytest.fixture(autouse=True)
def storage(store: Path, settings: Any) -> Iterator[Path]:
    """In the place of a store for each test; empty before each."""
    settings.STORAGE_ROOT = store
    prepare_storage()
    yield store
    for path in kept_files(store):
        path.unlink()


@pytest.fixture(scope="module")
def web(store: Path, django_db_setup: None) -> Iterator[Web]:
    """One process that serves, which is replaced when it dies."""
    with running_web(store, TRUSTED_PROXIES="127.0.0.1/32") as running:
        yield running


def kill_its_worker(web: Web) -> None:
    """As the kernel would; another takes its place."""
    (worker,) = web.workers()
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: web.workers() not in ({worker}, set()), 30, "it is replaced")
    wait_until(web.is_up, 60, "it serves again")


def takes_term(thread: Path) -> bool:
    """Whether the kernel may give TERM to this thread."""
    (blocked,) = re.findall(r"SigBlk:\t(\w+)", (thread / "status").read_text())
    return not int(blocked, 16) & 1 << (signal.SIGTERM - 1)


def test_one_thread_of_the_server_waits_for_term_and_no_other_is_given_it(web: Web) -> None:
    for worker in web.workers():
        threads = list(Path(f"/proc/{worker}/task").iterdir())

        assert len(threads) > 1
        assert sum(map(takes_term, threads)) == 1


@pytest.mark.fault(22, "the web process is killed in the middle of a body")
def test_a_body_whose_reader_is_killed_leaves_bytes_for_an_hour(
    web: Web, token: str, storage: Path, wait: Wait, report: Report
) -> None:
    request = raw_upload(token, 10 * LARGE)
    with socket.create_connection(("127.0.0.1", web.port), timeout=20) as client:
        client.sendall(request[: len(request) // 2])
        wait_until(lambda: any(f.stat().st_size for f in kept_files(storage)), 20, "half of it")
        kill_its_worker(web)
        assert read_all(client) == b""

    assert File.objects.count() == 0
    assert len(kept_files(storage)) == 1
    sweep_once()
    assert len(kept_files(storage)) == 1, "it might still be arriving"
    wait(HOUR_SECONDS)
    assert sweep_once() == 1
    assert_nothing_kept(storage)
    report(saw=LOST, left="staged bytes", repaired=AFTER_AN_HOUR)


@pytest.mark.fault(24, "the answer is lost after the commit")
def test_an_upload_whose_answer_is_lost_is_settled_by_its_key(
    web: Web, token: str, storage: Path, report: Report
) -> None:
    key = uuid.uuid4().hex
    with ChaosProxy(("127.0.0.1", web.port)) as proxy:
        with (
            proxy.spoiled(Toxic("lose_reply", once_seen=b"--filesvc-test-boundary--")),
            pytest.raises(requests.ConnectionError),
        ):
            upload_to(f"http://127.0.0.1:{proxy.port}", token, key=key)
        assert proxy.struck.is_set()
    first = File.objects.get()

    retry = web.upload(token, key=key)

    assert (retry.status_code, retry.headers["Idempotency-Replayed"]) == (201, "true")
    assert retry.json()["id"] == str(File.objects.get().id) == str(first.id)
    assert_kept({retry.json()["id"]: b"hello"})
    assert len(kept_files(storage)) == 1
    report(saw=LOST, left="row and bytes; nobody was told", repaired=BY_RETRY)


@pytest.mark.fault(24, "the edge gives up while the upload is committed")
def test_an_upload_the_edge_gave_up_on_is_settled_by_its_key(
    web: Web, token: str, storage: Path, report: Report
) -> None:
    key = uuid.uuid4().hex
    with (
        ChaosProxy(("127.0.0.1", web.port)) as slow,
        edge(slow.port, read_seconds=1) as port,
        slow.spoiled(Toxic("delay", seconds=2)),
    ):
        answer = upload_to(f"http://127.0.0.1:{port}", token, key=key)
    assert (answer.status_code, answer.json()["code"]) == (504, "gateway_timeout")
    wait_until(File.objects.exists, 20, "it was kept all the same")

    retry = web.upload(token, key=key)

    assert (retry.status_code, retry.headers["Idempotency-Replayed"]) == (201, "true")
    assert_kept({retry.json()["id"]: b"hello"})
    assert File.objects.count() == len(kept_files(storage)) == 1
    report(saw=answer, left="row and bytes", repaired=BY_RETRY)


@pytest.mark.fault(27, "a body ends early")
@pytest.mark.parametrize("cut", [1, 20, 150_000, len(LARGE)])
def test_a_body_that_ends_early_leaves_nothing(
    web: Web, token: str, storage: Path, report: Report, cut: int
) -> None:
    request = raw_upload(token, LARGE)

    answer = talk(web.port, request[:-cut], half_close=True)

    if answer:  # mostly the server has hung up with the client
        assert read_problem(answer)["code"] == "incomplete_body"
    wait_until(lambda: not kept_files(storage), 20, "nothing is left")
    assert File.objects.count() == 0
    assert web.log.read_text().count("incomplete_body") >= 1
    report(saw="400 `incomplete_body`, when it still listens", left="nothing")


@pytest.mark.fault(27, "a body ends early, at the edge")
def test_a_body_that_ends_early_at_the_edge_is_not_passed_on(
    web: Web, token: str, storage: Path, report: Report
) -> None:
    before = web.log.read_text()
    request = raw_upload(token, LARGE)
    with edge(web.port) as port:
        answer = talk(port, request[:-20], half_close=True)

    assert answer == b"" or read_problem(answer)["status"] == 400
    assert_nothing_kept(storage)
    assert web.log.read_text() == before, "the service never heard of it"
    report(saw=LOST, left="nothing")


@pytest.mark.fault(29, "a length that lies")
@pytest.mark.parametrize(
    ("announced", "status"),
    # A bare 400 is the server's own: what follows the body it was promised is no HTTP.
    [(1, b"400"), (40, b"400"), (10**12, b"413"), (-1, b"400")],
)
def test_a_length_that_lies_is_refused_and_takes_no_room(  # noqa: PLR0917
    web: Web, token: str, storage: Path, report: Report, announced: int, status: bytes
) -> None:
    answer = talk(web.port, raw_upload(token, LARGE, announced=announced))

    assert answer.startswith(b"HTTP/1.1 " + status)
    assert_nothing_kept(storage)
    report(saw="400 or 413", left="nothing", repaired=NOTHING)


@pytest.mark.fault(29, "a body without a length, ten times too large")
def test_a_body_without_a_length_is_refused_unread(
    web: Web, token: str, storage: Path, report: Report
) -> None:
    head, _, _ = raw_upload(token).partition(b"Content-Length")
    # Head and body of an answer may come in two pieces: talk() reads to its last byte.
    answer = talk(web.port, head + b"Transfer-Encoding: chunked\r\n\r\n")

    problem = read_problem(answer)
    assert (problem["status"], problem["code"]) == (411, "length_required")
    assert_nothing_kept(storage)
    report(saw="411 `length_required`", left="nothing")
