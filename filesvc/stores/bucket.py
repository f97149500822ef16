"""Stored files in a bucket of an S3 store: sent with their digest, never overwriting others."""

from __future__ import annotations

import errno
import functools
import hashlib
import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from botocore.response import StreamingBody
from django.conf import settings

from filesvc.deadlines import BUCKET_CALL_SECONDS
from filesvc.models import File
from filesvc.stores.bucket_calls import BucketFault, bucket_faults, finish_by
from filesvc.stores.bucket_client import client_of, make_storage
from filesvc.stores.places import FILES, Readable, Stored
from filesvc.stores.sending import OpenPart, encode_digest, send
from security.upload import STAGING, StagedUpload

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PROBE_SECONDS = 5.0
COPY_BYTES = 1024 * 1024
PROBE = "probe"


class Bucket:
    """A store in a bucket (`filesvc.stores.Store`).

    The names have no fan-out, so that the order of the bucket is the order of the ids.
    """

    def __init__(self, client: S3Client, name: str, more: dict[str, Any]) -> None:
        self._client = client
        self._name = name
        self._more = more

    def prepare(self) -> None:
        """Nothing: a bucket has no folders."""

    def place_of(self, kind: str, file_id: uuid.UUID, ending: str = "") -> str:
        """The id as it is."""
        return f"{kind}/{file_id.hex}{ending}"

    def begin_to_take(self, staged: StagedUpload) -> None:
        """Nothing leaves this machine before it was scanned."""

    def take(self, staged: StagedUpload, place: str, give_up_at: float) -> None:
        """Send the staged bytes; they themselves go with the staged upload, as they came."""
        give_up_at = min(give_up_at, time.monotonic() + settings.REQUEST_TIMEOUT_SECONDS)
        descriptor = os.dup(staged.descriptor)

        def work() -> None:
            try:
                source = OpenPart(descriptor, 0, staged.size_bytes, give_up_at)
                send(self._client, self._at(place), self._more, source, staged.sha256)
            finally:
                os.close(descriptor)

        finish_by(give_up_at, work)

    def put(self, place: str, content: bytes) -> None:
        """Send them; the store takes them whole or not at all."""
        digest = encode_digest(hashlib.sha256(content).digest())
        told = self._call(
            self._client.put_object,
            **self._at(place),
            **self._more,
            Body=content,
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=digest,
        )
        if told.get("ChecksumSHA256") != digest:
            raise BucketFault(errno.EIO, "DigestNotConfirmed")

    def open(self, place: str, size_bytes: int) -> BinaryIO:
        """A copy in staging that has no name, to be read only; gone when it is closed."""
        give_up_at = time.monotonic() + settings.PROCESSING_TIMEOUT_SECONDS
        with tempfile.TemporaryFile(dir=Path(settings.STORAGE_ROOT) / STAGING) as copy:

            def work() -> None:
                told = self._client.get_object(**self._at(place))
                # Closed where it is read: closing waits for a read under way, however slow.
                with ObjectBody(told["Body"]) as source:
                    while copy.tell() <= size_bytes and (chunk := source.read(COPY_BYTES)):
                        copy.write(chunk)
                copy.flush()

            finish_by(give_up_at, work)
            return open(f"/proc/self/fd/{copy.fileno()}", "rb")

    def open_span(self, place: str, first: int, length_bytes: int) -> tuple[Readable, int]:
        """The answer of the store as it arrives; closed early, its connection goes."""
        span = f"bytes={first}-{first + length_bytes - 1}"
        told = self._call(self._client.get_object, **self._at(place), Range=span)
        total = str(told.get("ContentRange", "")).rpartition("/")[2]
        return ObjectBody(told["Body"]), int(total) if total.isdigit() else told["ContentLength"]

    def delete(self, place: str) -> None:
        """A store has no word for what was not there."""
        self._call(self._client.delete_object, **self._at(place))

    def remove(self, stored: Stored) -> bool:
        """Remove it, or give up an upload in parts."""
        if not stored.upload_id:
            self.delete(stored.place)
            return True
        try:
            self._call(
                self._client.abort_multipart_upload,
                **self._at(stored.place),
                UploadId=stored.upload_id,
            )
        except FileNotFoundError:
            return False
        return True

    def places_of(self, kind: str, file_id: uuid.UUID) -> list[str]:
        """Everything that begins with the id and a dot."""
        return [stored.place for stored in self.list(self.place_of(kind, file_id, "."), "")]

    def list(self, kind: str, end: str = "/") -> Iterator[Stored]:
        """In the order of the names, a thousand for each call."""
        for page in self._pages("list_objects_v2", Prefix=f"{kind}{end}"):
            for told in page.get("Contents", ()):
                yield Stored(told["Key"], told["Size"], told["LastModified"].timestamp())

    def list_unfinished(self) -> Iterator[Stored]:
        """Uploads in parts that were never put together; the store keeps, and bills, them."""
        for page in self._pages("list_multipart_uploads", Prefix=f"{FILES}/"):
            for told in page.get("Uploads", ()):
                begun_at = told["Initiated"].timestamp()
                yield Stored(told["Key"], 0, begun_at, upload_id=told["UploadId"])

    def find_lacking(self, files: Iterable[File]) -> Iterator[File]:
        """Both are in the order of the ids, so one walk over the list is enough."""
        listed = self.list(FILES)
        here = next(listed, None)
        for file in files:
            place = self.place_of(FILES, file.id)
            while here is not None and here.place < place:
                here = next(listed, None)
            told = (here.place, here.size_bytes) if here else None
            is_whole = told == (place, file.size_bytes)
            # A page of the list may be older than the row, so it has the first word only.
            if not is_whole and self._size_of(place) != file.size_bytes:
                yield file

    def probe(self) -> None:
        """One small object, always the same; nothing of it stays but that."""
        self._call(
            self._client.put_object,
            **self._at(PROBE),
            **self._more,
            Body=b"probe",
            seconds=PROBE_SECONDS,
        )

    def _size_of(self, place: str) -> int | None:
        try:
            return int(self._call(self._client.head_object, **self._at(place))["ContentLength"])
        except FileNotFoundError:
            return None

    def _at(self, place: str) -> dict[str, Any]:
        return {"Bucket": self._name, "Key": place}

    def _call(
        self,
        operation: Callable[..., Any],
        *,
        seconds: float = BUCKET_CALL_SECONDS,
        **arguments: Any,
    ) -> Any:
        give_up_at = time.monotonic() + seconds
        return finish_by(give_up_at, functools.partial(operation, **arguments))

    def _pages(self, operation: Any, **arguments: Any) -> Iterator[dict[str, Any]]:
        found = self._client.get_paginator(operation).paginate(Bucket=self._name, **arguments)
        pages = iter(found)
        while (page := self._call(lambda: next(pages, None))) is not None:
            yield page


class ObjectBody:
    """The body of an answer, read as it arrives."""

    def __init__(self, body: StreamingBody) -> None:
        self._body = body

    def read(self, size: int, /) -> bytes:
        """At most so many bytes. Raises BucketFault, also at an end that comes too early."""
        with bucket_faults():
            return bytes(self._body.read(size))

    def close(self) -> None:
        """A connection with something still to come is of no use to anybody else."""
        self._body.close()

    def __enter__(self) -> ObjectBody:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        self.close()


def open_bucket() -> Bucket:
    """The bucket of the settings; one client for all threads of this process."""
    storage = make_storage(
        name=settings.S3_BUCKET,
        endpoint_url=settings.S3_ENDPOINT_URL,
        region=settings.S3_REGION,
        addressing_style=settings.S3_ADDRESSING_STYLE,
        credentials=settings.S3_CREDENTIALS,
        timeouts_seconds=settings.S3_TIMEOUTS_SECONDS,
        encryption=settings.S3_ENCRYPTION,
    )
    return Bucket(client_of(storage), storage.bucket_name, storage.get_object_parameters(""))
