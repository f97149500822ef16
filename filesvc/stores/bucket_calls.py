"""Calls to an S3 store: a response in time, or an error of the kinds that a disk gives."""

from __future__ import annotations

import contextlib
import errno
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import TypeVar

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

T = TypeVar("T")

NOT_THERE = ("NoSuchKey", "NoSuchUpload", "NotFound", "404")
# What Ceph and MinIO say when a quota or a disk is full; S3 itself is never full.
FULL = (
    "QuotaExceeded",
    "InsufficientCapacity",
    "XMinioStorageFull",
    "XMinioAdminBucketQuotaExceeded",
)
INSUFFICIENT_STORAGE = 507
CALL = "bucket-call"
_CODE = re.compile(r"[A-Za-z0-9.]{1,64}")


class BucketFault(OSError):
    """The store refused, failed or did not answer; the note says which, in one word."""

    def __init__(self, number: int, note: str) -> None:
        super().__init__(number, note)
        self.note = note


@contextlib.contextmanager
def bucket_faults() -> Iterator[None]:
    """What boto3 raises, as the OSErrors of a store on a disk.

    Raises FileNotFoundError, BucketFault (ENOSPC when the store is full, EIO otherwise).
    """
    try:
        yield
    except ClientError as error:
        raise _as_fault(error) from error
    except (BotoCoreError, Boto3Error, HTTPError) as error:
        raise BucketFault(errno.EIO, type(error).__name__) from error


def code_of(error: ClientError) -> str:
    """The code the store gave; it is a stranger's text, and anything else is left out."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    return code if _CODE.fullmatch(code) else type(error).__name__


def _as_fault(error: ClientError) -> OSError:
    code = code_of(error)
    if code in NOT_THERE:
        return FileNotFoundError(errno.ENOENT, code)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    is_full = code in FULL or status == INSUFFICIENT_STORAGE
    return BucketFault(errno.ENOSPC if is_full else errno.EIO, code)


def finish_by(give_up_at: float, work: Callable[[], T]) -> T:
    """What the work returns, or BucketFault at this moment of `time.monotonic`.

    boto3 bounds each wait, and not their sum: a store that says one byte a second, or a
    resolver that is silent, would hold a request for ever. So the call has a thread of its
    own, which is left to its own time-outs when it is given up.
    """
    left = give_up_at - time.monotonic()
    if left <= 0:
        raise BucketFault(errno.EIO, "DeadlinePassed")
    future: Future[T] = Future()
    threading.Thread(target=_work, args=(future, work), daemon=True, name=CALL).start()
    try:
        return future.result(left)
    except TimeoutError:
        raise BucketFault(errno.EIO, "DeadlinePassed") from None


def _work(future: Future[T], work: Callable[[], T]) -> None:
    try:
        with bucket_faults():
            future.set_result(work())
    except BaseException as error:  # noqa: BLE001 - whoever waits raises it
        future.set_exception(error)
