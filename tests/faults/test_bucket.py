"""An S3 store that refuses, is slow, breaks off or loses its answer: whole or refused, in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from filesvc.models import File, Status
from filesvc.repairs import store
from filesvc.stores.bucket_calls import CALL
from tests.client import Answer, call
from tests.conftest import kept_files
from tests.faults.conftest import Client, failing
from tests.faults.proxy import BLACKHOLE, REFUSE, RESET, ChaosProxy, Toxic
from tests.faults.report import AFTER_AN_HOUR, BY_RETRY, NOTHING, WHEN_OVER, Report
from tests.filesvc.repairs.repairing import run_repair
from tests.s3 import TestBucket
from tests.stack import wait_until

pytestmark = pytest.mark.django_db

MIDDLE, END = b"--the-middle--", b"--the-end--"
LARGE = b"a line of text\n" * 20_000 + MIDDLE + b"\na line of text\n" * 20_000 + END
HONEST = Toxic("delay")
SLOW_DOWN = (
    b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nContent-Length: 40\r\n"
    b"Connection: close\r\n\r\n<Error><Code>SlowDown</Code></Error>\n\n\n\n"
)
FULL = SLOW_DOWN.replace(b"503 Slow Down", b"507 Insufficient Storage")
REQUEST_SECONDS = 2.0


@pytest.fixture
def proxy(bucket: TestBucket, s3_port: int, settings: Any) -> Iterator[ChaosProxy]:
    """The store is a bucket, and this stands before it."""
    with ChaosProxy(("127.0.0.1", s3_port)) as proxy:
        settings.S3_ENDPOINT_URL = f"http://127.0.0.1:{proxy.port}"
        yield proxy


def calls_under_way() -> list[threading.Thread]:
    """Also those nobody waits for any more."""
    return [thread for thread in threading.enumerate() if thread.name == CALL]


def assert_refused(
    client: Client, bucket: TestBucket, answer: Answer, code: str, **more: Any
) -> None:
    """Refused whole: no row, no object, nothing staged."""
    client.assert_refused(answer, code, **more)
    assert bucket.contents() == {}
    assert bucket.uploads() == []


def assert_whole(client: Client, bucket: TestBucket, answer: Answer, content: bytes) -> None:
    """One row, one object, these bytes, nothing staged and no error line."""
    assert answer.status == 201, answer.body
    assert list(bucket.contents().values()) == [content]
    assert str(File.objects.get().id) == answer.json["id"]
    assert kept_files(client.storage) == []
    assert [event for event in client.log_events if event["level"] == "error"] == []


def test_an_upload_goes_through_an_honest_proxy(
    proxy: ChaosProxy, bucket: TestBucket, client: Client
) -> None:
    assert_whole(client, bucket, client.upload(LARGE), LARGE)


@pytest.mark.fault(41, "the S3 store refuses connections")
def test_a_store_that_refuses_is_told_and_heals(
    proxy: ChaosProxy, bucket: TestBucket, client: Client, report: Report
) -> None:
    with proxy.spoiled(REFUSE):
        answer = client.upload()
        assert_refused(client, bucket, answer, "storage_unavailable")
        assert failing() == ["storage"]

    client.log_events.clear()
    assert failing() == []
    assert_whole(client, bucket, client.upload(), b"hello")
    report(saw=answer, left="nothing; not ready", repaired=WHEN_OVER)


@pytest.mark.fault(41, "the S3 store is silent")
def test_a_store_that_never_answers_holds_no_request_beyond_its_deadline(
    proxy: ChaosProxy, bucket: TestBucket, client: Client, settings: Any, report: Report
) -> None:
    settings.REQUEST_TIMEOUT_SECONDS = REQUEST_SECONDS

    with proxy.spoiled(BLACKHOLE):
        started = time.monotonic()
        answer = client.upload(LARGE)
        took_seconds = time.monotonic() - started

    assert took_seconds < REQUEST_SECONDS + 1
    assert_refused(client, bucket, answer, "storage_unavailable")
    report(saw=answer, left="nothing", repaired=BY_RETRY)


def test_what_was_given_up_is_sent_no_further(
    proxy: ChaosProxy, bucket: TestBucket, client: Client, settings: Any
) -> None:
    settings.REQUEST_TIMEOUT_SECONDS = REQUEST_SECONDS

    # More than fits between the two: when the store has its first word, most is still to come.
    with proxy.spoiled(Toxic("delay", seconds=REQUEST_SECONDS + 1)):
        answer = client.upload(LARGE * 16)
        wait_until(lambda: not calls_under_way(), 30, "the call is over")

    assert_refused(client, bucket, answer, "storage_unavailable")


def test_a_slow_store_is_waited_for(proxy: ChaosProxy, bucket: TestBucket, client: Client) -> None:
    with proxy.spoiled(Toxic("delay", seconds=0.3)):
        answer = client.upload()

    assert_whole(client, bucket, answer, b"hello")


def overloaded(times: int) -> Toxic:
    """So often, and well again."""
    if times == 0:
        return HONEST
    return Toxic("garbage", content=SLOW_DOWN, then=overloaded(times - 1))


@pytest.mark.fault(41, "the S3 store is overloaded (503)")
def test_a_store_that_is_overloaded_is_asked_three_times_and_no_more(
    proxy: ChaosProxy, bucket: TestBucket, client: Client, report: Report
) -> None:
    with proxy.spoiled(overloaded(3)):
        answer = client.upload()

    assert_refused(client, bucket, answer, "storage_unavailable")
    (told,) = [event for event in client.log_events if event["event"] == "request.failed"]
    assert told["note"] == "SlowDown"
    client.log_events.clear()
    with proxy.spoiled(overloaded(2)):
        assert_whole(client, bucket, client.upload(), b"hello")
    report(saw=answer, left="nothing", repaired=BY_RETRY)


def test_a_store_that_is_full_is_told_apart(
    proxy: ChaosProxy, bucket: TestBucket, client: Client
) -> None:
    with proxy.spoiled(Toxic("garbage", content=FULL)):
        answer = client.upload()

    assert_refused(client, bucket, answer, "storage_full", status=507)


@pytest.mark.fault(41, "the connection breaks in the middle of a PUT, once")
def test_a_connection_that_breaks_in_the_middle_is_made_again(
    proxy: ChaosProxy, bucket: TestBucket, client: Client, report: Report
) -> None:
    with proxy.spoiled(Toxic("reset", once_seen=MIDDLE, then=HONEST)):
        answer = client.upload(LARGE)

    assert proxy.struck.is_set()
    assert_whole(client, bucket, answer, LARGE)
    report(saw=answer, left="one object, one row", repaired=NOTHING)


def test_a_connection_that_always_breaks_in_the_middle_leaves_no_part_of_a_file(
    proxy: ChaosProxy, bucket: TestBucket, client: Client
) -> None:
    with proxy.spoiled(Toxic("reset", once_seen=MIDDLE)):
        answer = client.upload(LARGE)

    assert_refused(client, bucket, answer, "storage_unavailable")


@pytest.mark.fault(41, "the answer to a PUT is lost")
def test_an_answer_that_is_lost_is_found_out_by_the_digest_of_what_lies_there(
    proxy: ChaosProxy, bucket: TestBucket, client: Client, report: Report
) -> None:
    with proxy.spoiled(Toxic("lose_reply", once_seen=END, then=HONEST)):
        answer = client.upload(LARGE)

    assert proxy.struck.is_set()
    assert_whole(client, bucket, answer, LARGE)
    report(saw=answer, left="one object, one row", repaired=NOTHING)


@pytest.mark.fault(41, "the answer to a PUT is lost, and the store with it")
def test_bytes_that_arrived_for_an_upload_that_was_refused_are_tidied(
    proxy: ChaosProxy,
    bucket: TestBucket,
    client: Client,
    report: Report,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with proxy.spoiled(Toxic("lose_reply", once_seen=END, then=REFUSE)):
        answer = client.upload(LARGE)
    client.assert_told_once(answer, "storage_unavailable")
    assert File.objects.count() == 0
    assert list(bucket.contents().values()) == [LARGE]

    monkeypatch.setattr(store, "age_of", lambda stored: 2 * 3600)
    assert run_repair("remove_orphan_blobs") == 1
    assert bucket.contents() == {}
    report(saw=answer, left="an object without a row", repaired=AFTER_AN_HOUR)


@pytest.mark.parametrize("toxic", [REFUSE, RESET, Toxic("garbage", content=b"nonsense\r\n\r\n")])
def test_whatever_a_store_answers_a_download_is_refused_before_its_first_byte(
    proxy: ChaosProxy, client: Client, toxic: Toxic
) -> None:
    path = client.upload(LARGE).headers["location"]
    File.objects.update(status=Status.PROCESSED, processed=True)

    with proxy.spoiled(toxic):
        answer = call("GET", f"{path}content/", token=client.token)

    client.assert_told_once(answer, "storage_unavailable")
    assert call("GET", f"{path}content/", token=client.token).body == LARGE


def test_a_download_that_breaks_off_is_never_told_to_be_whole(
    proxy: ChaosProxy, client: Client
) -> None:
    path = client.upload(LARGE).headers["location"]
    File.objects.update(status=Status.PROCESSED, processed=True)

    with (
        proxy.spoiled(Toxic("cut", after_bytes=len(LARGE) // 2)),
        pytest.raises(OSError, match="IncompleteRead|Protocol|ResponseStreaming"),
    ):
        call("GET", f"{path}content/", token=client.token)
