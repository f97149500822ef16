"""A bucket as a store: never over others, digests confirmed, parts put together or given up."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import threading
import time
import tracemalloc
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from errors import catalogue
from filesvc.blobs import delete_blob, open_blob, promote
from filesvc.previews import save_preview
from filesvc.reconciliation import compare
from filesvc.repairs import store as store_repairs
from filesvc.stores import bucket as bucket_module
from filesvc.stores import current_store, sending
from filesvc.stores.bucket import Bucket, ObjectBody, open_bucket
from tests.client import upload
from tests.config.fresh import run_python
from tests.conftest import assert_problem
from tests.faults.proxy import REFUSE, RESET, ChaosProxy, Toxic
from tests.filesvc.repairs.repairing import run_repair
from tests.filesvc.stores.staging import staged_clean
from tests.s3 import CREDENTIALS, TestBucket
from tests.stack import ROOT

MIB = 1024 * 1024
ID = uuid.UUID("0190a6b2-0000-7000-8000-0000000000ab")
KEY = f"files/{ID.hex}"
MIDDLE = b"--the-middle--"
IN_PARTS = b"a" * 6 * MIB + MIDDLE + b"b" * 5 * MIB
# When moto says that every upload in parts was begun.
BEGUN_AT = 1289422113.0
HONEST = Toxic("delay")


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """As small as S3 allows."""
    monkeypatch.setattr(sending, "PART_BYTES", 5 * MIB)


@pytest.fixture
def proxy(bucket: TestBucket, s3_port: int, settings: Any) -> Any:
    """It stands before the store."""
    with ChaosProxy(("127.0.0.1", s3_port)) as proxy:
        settings.S3_ENDPOINT_URL = f"http://127.0.0.1:{proxy.port}"
        yield proxy


def keep(content: bytes, **more: Any) -> None:
    with staged_clean(content, **more) as clean:
        promote(clean, ID)


def sent_by(operation: str, act: Callable[[], None]) -> list[dict[str, str]]:
    """The headers of each such request, as they went over the wire."""
    seen: list[dict[str, str]] = []

    def see(request: Any, **more: Any) -> None:
        named = {name.lower(): value for name, value in request.headers.items()}
        seen.append({name: str(text(value)) for name, value in named.items()})

    store = current_store()
    assert isinstance(store, Bucket)
    events = store._client.meta.events
    events.register(f"before-send.s3.{operation}", see)
    try:
        act()
    finally:
        events.unregister(f"before-send.s3.{operation}", see)
    return seen


def text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


# --- one request -------------------------------------------------------------------------


def test_bytes_are_sent_once_with_their_digest_and_only_to_a_free_name(bucket: TestBucket) -> None:
    (headers,) = sent_by("PutObject", lambda: keep(b"hello"))

    digest = base64.b64encode(hashlib.sha256(b"hello").digest()).decode()
    assert headers["if-none-match"] == "*"
    assert headers["x-amz-checksum-sha256"] == digest
    assert headers["content-length"] == "5"
    assert headers["content-type"] == "application/octet-stream"
    assert "x-amz-acl" not in headers


def test_the_encryption_of_the_settings_is_asked_for(bucket: TestBucket, settings: Any) -> None:
    settings.S3_ENCRYPTION = (("ServerSideEncryption", "aws:kms"), ("SSEKMSKeyId", "key-1"))

    kept = sent_by("PutObject", lambda: keep(b"hello"))
    seen = sent_by("PutObject", lambda: save_preview(ID, 1, b"picture"))

    for headers in kept + seen:
        assert headers["x-amz-server-side-encryption"] == "aws:kms"
        assert headers["x-amz-server-side-encryption-aws-kms-key-id"] == "key-1"


def test_a_name_that_is_taken_keeps_its_bytes(bucket: TestBucket) -> None:
    bucket.put(KEY, b"others")

    with pytest.raises(catalogue.StorageUnavailable) as raised:
        keep(b"hello")

    assert raised.value.note == "DigestNotConfirmed"
    assert bucket.contents() == {KEY: b"others"}


def test_a_name_under_which_the_same_bytes_lie_already_is_no_fault(bucket: TestBucket) -> None:
    keep(b"hello")
    keep(b"hello")

    assert bucket.contents() == {KEY: b"hello"}


@pytest.mark.parametrize("content", [b"hello", IN_PARTS])
def test_bytes_that_are_not_what_their_digest_says_are_not_kept(
    bucket: TestBucket, small_parts: None, content: bytes
) -> None:
    with pytest.raises(catalogue.StorageUnavailable) as raised:
        keep(content, sha256=hashlib.sha256(b"other").hexdigest())

    told = "BadDigest" if content == b"hello" else "StagedBytesChanged"
    assert raised.value.note == told
    assert (bucket.contents(), bucket.uploads()) == ({}, [])


def test_a_store_that_confirms_no_digest_is_not_believed(proxy: ChaosProxy) -> None:
    said = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    with (
        proxy.spoiled(Toxic("garbage", content=said, once_seen=MIDDLE)),
        pytest.raises(catalogue.StorageUnavailable) as raised,
    ):
        keep(MIDDLE)

    assert raised.value.note == "DigestNotConfirmed"


def test_nor_is_it_believed_about_a_picture(proxy: ChaosProxy) -> None:
    said = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    with (
        proxy.spoiled(Toxic("garbage", content=said, once_seen=MIDDLE)),
        pytest.raises(catalogue.StorageUnavailable) as raised,
    ):
        save_preview(ID, 1, MIDDLE)

    assert raised.value.note == "DigestNotConfirmed"


def test_a_picture_made_twice_under_one_claim_is_the_later_one(bucket: TestBucket) -> None:
    save_preview(ID, 1, b"first")
    save_preview(ID, 1, b"second")

    assert bucket.contents() == {f"previews/{ID.hex}.1": b"second"}


# --- an upload in parts --------------------------------------------------------------------


def test_a_large_file_is_sent_in_parts_and_is_whole(bucket: TestBucket, small_parts: None) -> None:
    parts = sent_by("UploadPart", lambda: keep(IN_PARTS))

    assert [headers["content-length"] for headers in parts] == [
        str(5 * MIB),
        str(5 * MIB),
        str(len(IN_PARTS) - 10 * MIB),
    ]
    assert all("x-amz-checksum-sha256" in headers for headers in parts)
    assert bucket.contents() == {KEY: IN_PARTS}
    assert bucket.uploads() == []


def test_parts_are_put_together_only_under_a_free_name(
    bucket: TestBucket, small_parts: None
) -> None:
    bucket.put(KEY, b"others")

    with pytest.raises(catalogue.StorageUnavailable):
        keep(IN_PARTS)

    assert (bucket.contents(), bucket.uploads()) == ({KEY: b"others"}, [])


def test_an_upload_in_parts_that_breaks_is_given_up_and_leaves_nothing(
    proxy: ChaosProxy, bucket: TestBucket, small_parts: None
) -> None:
    with (
        proxy.spoiled(Toxic("reset", once_seen=MIDDLE)),
        pytest.raises(catalogue.StorageUnavailable),
    ):
        keep(IN_PARTS)

    assert (bucket.contents(), bucket.uploads()) == ({}, [])


def test_a_part_that_breaks_once_is_sent_again(
    proxy: ChaosProxy, bucket: TestBucket, small_parts: None
) -> None:
    with proxy.spoiled(Toxic("reset", once_seen=MIDDLE, then=HONEST)):
        keep(IN_PARTS)

    assert proxy.struck.is_set()
    assert bucket.contents() == {KEY: IN_PARTS}


def test_putting_parts_together_with_a_lost_answer_is_found_out_to_have_happened(
    proxy: ChaosProxy, bucket: TestBucket, small_parts: None
) -> None:
    with proxy.spoiled(Toxic("lose_reply", once_seen=b"<CompleteMultipartUpload", then=HONEST)):
        keep(IN_PARTS)

    assert proxy.struck.is_set()
    assert bucket.contents() == {KEY: IN_PARTS}


def test_parts_that_may_not_be_put_together_are_given_up(
    proxy: ChaosProxy, bucket: TestBucket, small_parts: None
) -> None:
    body = b"<Error><Code>AccessDenied</Code></Error>"
    said = b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
    denied = said % (len(body), body)

    with (
        proxy.spoiled(Toxic("garbage", content=denied, once_seen=b"<CompleteMultipartUpload")),
        pytest.raises(catalogue.StorageUnavailable) as raised,
    ):
        keep(IN_PARTS)

    assert raised.value.note == "AccessDenied"
    assert (bucket.contents(), bucket.uploads()) == ({}, [])


def test_parts_that_cannot_even_be_given_up_are_left_to_the_sweeper_with_a_line(
    proxy: ChaosProxy,
    bucket: TestBucket,
    small_parts: None,
    log_events: list[dict[str, Any]],
) -> None:
    with (
        proxy.spoiled(Toxic("reset", once_seen=MIDDLE, then=REFUSE)),
        pytest.raises(catalogue.StorageUnavailable),
    ):
        keep(IN_PARTS)

    assert bucket.uploads() == [KEY]
    assert [event["event"] for event in log_events] == ["parts.left_behind"]


@pytest.mark.django_db
@pytest.mark.parametrize(("age_seconds", "left"), [(59 * 60, [KEY]), (61 * 60, [])])
def test_uploads_in_parts_that_nobody_puts_together_are_given_up_after_an_hour(
    bucket: TestBucket, monkeypatch: pytest.MonkeyPatch, age_seconds: int, left: list[str]
) -> None:
    bucket.client.create_multipart_upload(Bucket=bucket.name, Key=KEY)
    monkeypatch.setattr(store_repairs, "time", lambda: BEGUN_AT + age_seconds)

    assert run_repair("remove_orphan_blobs") == 1 - len(left)

    assert bucket.uploads() == left


@pytest.mark.django_db
@pytest.mark.parametrize(("age_seconds", "told"), [(59 * 60, []), (61 * 60, [KEY])])
def test_an_upload_in_parts_is_a_difference_only_after_an_hour(
    bucket: TestBucket, monkeypatch: pytest.MonkeyPatch, age_seconds: int, told: list[str]
) -> None:
    bucket.client.create_multipart_upload(Bucket=bucket.name, Key=KEY)
    monkeypatch.setattr(store_repairs, "time", lambda: BEGUN_AT + age_seconds)

    found = compare(lambda _: None)

    assert [one.name for one in found.differences] == told


def test_an_upload_in_parts_that_is_over_is_not_given_up_again(bucket: TestBucket) -> None:
    bucket.client.create_multipart_upload(Bucket=bucket.name, Key=KEY)
    (found,) = current_store().list_unfinished()

    assert current_store().remove(found) is True
    assert current_store().remove(found) is False


# --- what a store may say --------------------------------------------------------------------


def test_more_bytes_than_there_should_be_are_not_copied_for_ever(
    bucket: TestBucket, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_module, "COPY_BYTES", 100)
    bucket.put(KEY, b"x" * 10_000)

    with open_blob(ID, 250) as source:
        assert 250 < len(source.read()) <= 350

    assert list((storage / "staging").iterdir()) == []


def test_a_copy_that_takes_longer_than_processing_may_is_given_up(
    bucket: TestBucket, storage: Path, settings: Any
) -> None:
    bucket.put(KEY, b"hello")
    settings.PROCESSING_TIMEOUT_SECONDS = 0.0

    with pytest.raises(catalogue.StorageUnavailable) as raised:
        open_blob(ID, 5)

    assert raised.value.note == "DeadlinePassed"
    assert list((storage / "staging").iterdir()) == []


def test_a_copy_of_which_too_little_comes_at_a_time_is_given_up(
    bucket: TestBucket, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put(KEY, b"hello")
    settings.PROCESSING_TIMEOUT_SECONDS = 0.5
    is_over, begun_at = threading.Event(), time.monotonic()

    def read_slowly(body: ObjectBody, size: int) -> bytes:
        is_over.wait(20)
        return b""

    monkeypatch.setattr(ObjectBody, "read", read_slowly)
    try:
        with pytest.raises(catalogue.StorageUnavailable, match="DeadlinePassed"):
            open_blob(ID, 5)
        assert time.monotonic() - begun_at < 10
    finally:
        is_over.set()


def test_a_bucket_that_is_not_there_is_a_fault_and_no_missing_file(
    bucket: TestBucket, settings: Any
) -> None:
    settings.S3_BUCKET = "not-there"

    for act in (lambda: open_blob(ID, 5), lambda: keep(b"hello"), lambda: delete_blob(ID)):
        with pytest.raises(catalogue.StorageUnavailable) as raised:
            act()
        assert raised.value.note == "NoSuchBucket"


def test_a_store_that_breaks_off_in_the_middle_is_a_fault_and_no_changed_file(
    proxy: ChaosProxy, bucket: TestBucket
) -> None:
    bucket.put(KEY, b"x" * 100_000)

    with (
        proxy.spoiled(Toxic("cut", after_bytes=50_000)),
        pytest.raises(catalogue.StorageUnavailable),
    ):
        open_blob(ID, 100_000)


@pytest.mark.django_db
@pytest.mark.parametrize("toxic", [REFUSE, RESET])
def test_no_line_and_no_answer_tells_a_credential(
    proxy: ChaosProxy, token: str, log_lines: list[str], toxic: Toxic
) -> None:
    with proxy.spoiled(toxic):
        answer = upload(token, b"hello")

    assert_problem(answer, 503, "storage_unavailable")
    told = "".join(log_lines) + answer.body.decode()
    for secret in filter(None, CREDENTIALS):
        assert secret not in told


def test_all_threads_share_one_client(bucket: TestBucket) -> None:
    assert open_bucket()._client is open_bucket()._client


def test_whoever_keeps_files_in_a_folder_never_loads_boto3() -> None:
    program = (
        "import config.wsgi, filesvc.tasks, filesvc.sweeper, sys; print('boto3' in sys.modules)"
    )
    folder = run_python(
        "-c", f"import pathlib; pathlib.Path.mkdir = lambda *a, **k: None; {program}"
    )

    assert folder.stdout.strip().splitlines()[-1:] == ["False"], folder.stderr


README_SETTINGS = re.compile(r"```ini\n(S3_BUCKET=.*?)```", re.DOTALL)


def test_the_settings_of_the_readme_are_those_of_a_bucket() -> None:
    (block,) = README_SETTINGS.findall((ROOT / "README.md").read_text())
    told = dict(line.split("=", 1) for line in block.splitlines())
    program = (
        "import config.settings, django; django.setup();"
        "from filesvc.stores import current_store;"
        "store = current_store(); print(type(store).__name__, store._name)"
    )

    opened = run_python("-c", program, DJANGO_SETTINGS_MODULE="config.settings", **told)

    assert opened.stdout.split() == ["Bucket", told["S3_BUCKET"]], opened.stderr


def test_a_large_file_is_sent_without_being_held_in_memory(
    bucket: TestBucket,
) -> None:
    content = b"x" * MIB
    with staged_clean(content) as clean:
        for _ in range(63):
            os.write(clean.staged.descriptor, content)
        clean.staged.size_bytes = 64 * MIB
        digest = hashlib.sha256()
        for _ in range(64):
            digest.update(content)
        clean.staged.sha256 = digest.hexdigest()
        tracemalloc.start()
        promote(clean, ID)
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert peak_bytes < 8 * MIB
    head = bucket.client.head_object(Bucket=bucket.name, Key=KEY)
    assert head["ContentLength"] == 64 * MIB
