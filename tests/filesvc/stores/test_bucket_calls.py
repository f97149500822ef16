"""Calls to an S3 store: in time, and with faults that a store on a disk would have too."""

from __future__ import annotations

import errno
import io
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from errors import catalogue
from errors.base import ServiceError
from filesvc.stores import sending
from filesvc.stores.bucket_calls import BucketFault, bucket_faults, finish_by
from filesvc.stores.sending import OpenPart
from security.upload import storage_faults


def refused(code: Any, status: int = 400) -> ClientError:
    """What boto3 makes of such an answer."""
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "PutObject")


# --- faults --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "ours", "note"),
    [
        (refused("AccessDenied", 403), catalogue.StorageUnavailable, "AccessDenied"),
        (refused("NoSuchBucket", 404), catalogue.StorageUnavailable, "NoSuchBucket"),
        (refused("QuotaExceeded", 403), catalogue.StorageFull, "QuotaExceeded"),
        (refused("XMinioStorageFull", 507), catalogue.StorageFull, "XMinioStorageFull"),
        (refused("Whatever", 507), catalogue.StorageFull, "Whatever"),
        (refused("a word\nand a secret"), catalogue.StorageUnavailable, "ClientError"),
        (refused(""), catalogue.StorageUnavailable, "ClientError"),
        (
            EndpointConnectionError(endpoint_url="http://h"),
            catalogue.StorageUnavailable,
            "EndpointConnectionError",
        ),
    ],
)
def test_whatever_a_store_refuses_is_an_error_of_ours_that_names_it_in_a_word(
    error: Exception, ours: type[ServiceError], note: str
) -> None:
    with pytest.raises(ours) as raised, storage_faults(), bucket_faults():
        raise error

    assert raised.value.note == note


@pytest.mark.parametrize("code", ["NoSuchKey", "404", "NoSuchUpload"])
def test_what_is_not_there_is_told_as_a_disk_would(code: str) -> None:
    with pytest.raises(FileNotFoundError) as raised, bucket_faults():
        raise refused(code, 404)

    assert raised.value.errno == errno.ENOENT


def test_a_mistake_of_ours_stays_what_it_is() -> None:
    with pytest.raises(KeyError), bucket_faults():
        raise KeyError("ours")


# --- in time ---------------------------------------------------------------------------------


def soon() -> float:
    return time.monotonic() + 0.2


def test_what_is_done_in_time_is_returned_or_raised() -> None:
    assert finish_by(time.monotonic() + 60, lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        finish_by(time.monotonic() + 60, lambda: 1 // 0)


def test_what_is_not_done_in_time_is_given_up() -> None:
    over = threading.Event()
    started = time.monotonic()

    with pytest.raises(BucketFault) as raised:
        finish_by(soon(), lambda: over.wait(60))

    assert time.monotonic() - started < 5
    assert raised.value.note == "DeadlinePassed"
    over.set()


def test_what_is_too_late_already_is_not_begun() -> None:
    begun = threading.Event()

    with pytest.raises(BucketFault):
        finish_by(time.monotonic() - 1, begun.set)

    assert not begun.is_set()


# --- the bytes that are sent -----------------------------------------------------------------


@given(
    content=st.binary(max_size=60),
    window=st.tuples(st.integers(0, 60), st.integers(0, 60)),
    part=st.tuples(st.integers(0, 60), st.integers(1, 60)),
    moves=st.lists(st.tuples(st.integers(0, 70), st.integers(0, 70)), max_size=5),
)
def test_a_part_reads_as_those_bytes_would(
    tmp_path: Path,
    content: bytes,
    window: tuple[int, int],
    part: tuple[int, int],
    moves: list[tuple[int, int]],
) -> None:
    first, end = min(window[0], len(content)), min(window[1], len(content))
    wanted = content[first:end][part[0] : part[0] + part[1]]
    (tmp_path / "staged").write_bytes(content)

    with (tmp_path / "staged").open("rb") as source:
        whole = OpenPart(source.fileno(), first, max(0, end - first), time.monotonic() + 60)
        ours = whole.part(min(part[0], whole.size_bytes), part[1])
        theirs = io.BytesIO(wanted)
        assert ours.size_bytes == len(wanted)
        for position, size in moves:
            assert ours.seek(position) == theirs.seek(position)
            assert ours.read(size) == theirs.read(size)
            assert ours.tell() == theirs.tell()
        assert ours.seek(0, os.SEEK_END) == len(wanted)
        ours.seek(0)
        assert ours.readall() == wanted


def test_a_part_is_read_no_more_once_it_is_too_late(tmp_path: Path) -> None:
    (tmp_path / "staged").write_bytes(b"hello")

    with (tmp_path / "staged").open("rb") as source:
        late = OpenPart(source.fileno(), 0, 5, time.monotonic() - 1)
        for act in (lambda: late.read(1), lambda: late.seek(0)):
            with pytest.raises(BucketFault):
                act()


class Refusing:
    """A store in which no upload can be given up."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def abort_multipart_upload(self, **_: Any) -> None:
        raise self._error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (refused("NoSuchUpload", 404), []),
        (refused("PreconditionFailed", 412), []),
        (refused("AccessDenied", 403), ["ClientError"]),
        (EndpointConnectionError(endpoint_url="http://h"), ["EndpointConnectionError"]),
    ],
)
def test_parts_are_left_behind_only_when_nobody_else_has_settled_them(
    error: Exception, told: list[str], log_events: list[dict[str, Any]]
) -> None:
    client: Any = Refusing(error)

    sending._abort(client, {"Key": "files/a"})

    assert [event["error"] for event in log_events] == told
