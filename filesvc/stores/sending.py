"""Sends an open file to an S3 store: whole or not at all, and confirmed by its digest.

Sent under the condition that its name is free, so a request that is sent again because its
answer was lost cannot do harm: the store says that the name is taken, and the digest of what
lies there tells whether it was us.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import io
import os
import time
from typing import TYPE_CHECKING, Any

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from filesvc.stores.bucket_calls import BucketFault, code_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

log = structlog.get_logger("storage")

# A single PUT is simpler; beyond this a connection that breaks would cost too much.
PART_BYTES = 64 * 1024 * 1024
READ_BYTES = 1024 * 1024
# The name is taken, or being taken at this moment; or the parts were put together already.
TAKEN = ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchUpload")


class OpenPart(io.RawIOBase):
    """Part of an open file, read by position: whoever else reads that descriptor is not disturbed.

    After `give_up_at` (of `time.monotonic`) it is read no more, so nothing is sent any more.
    """

    def __init__(self, descriptor: int, first: int, size_bytes: int, give_up_at: float) -> None:
        super().__init__()
        self.size_bytes = size_bytes
        self._descriptor = descriptor
        self._first = first
        self._give_up_at = give_up_at
        self._at = 0

    def part(self, first: int, size_bytes: int) -> OpenPart:
        """A part of this part, at most that long."""
        size_bytes = min(size_bytes, self.size_bytes - first)
        return OpenPart(self._descriptor, self._first + first, size_bytes, self._give_up_at)

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes: it is read again when it is sent again."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Where the next read begins. Raises BucketFault when it is too late."""
        self._check_in_time()
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size_bytes}[whence]
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        """Raises BucketFault when it is too late."""
        self._check_in_time()
        room = memoryview(buffer)[: max(0, self.size_bytes - self._at)]
        read_bytes = os.preadv(self._descriptor, [room], self._first + self._at)
        self._at += read_bytes
        return read_bytes

    def _check_in_time(self) -> None:
        if time.monotonic() > self._give_up_at:
            raise BucketFault(errno.EIO, "DeadlinePassed")


def send(
    client: S3Client, target: dict[str, Any], more: dict[str, Any], source: OpenPart, sha256: str
) -> None:
    """Send the file to `target` (bucket and key), with `more` of what an object can have.

    Raises BucketFault when the store does not confirm the digest, and what boto3 raises.
    """
    if source.size_bytes > PART_BYTES:
        expected, told = _send_in_parts(client, target, more, source, sha256)
    else:
        expected, told = _send_whole(client, target, more, source, sha256)
    if told != expected:
        raise BucketFault(errno.EIO, "DigestNotConfirmed")


def encode_digest(digest: bytes) -> str:
    """A SHA-256 as S3 writes it."""
    return base64.b64encode(digest).decode()


def _send_whole(
    client: S3Client, target: dict[str, Any], more: dict[str, Any], source: OpenPart, sha256: str
) -> tuple[str, str | None]:
    """The digest of the file, and the one the store tells."""
    expected = encode_digest(bytes.fromhex(sha256))
    try:
        told = client.put_object(
            **target,
            **more,
            Body=io.BufferedReader(source),
            ContentLength=source.size_bytes,
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=expected,
            IfNoneMatch="*",
        )
    except ClientError as error:
        if code_of(error) not in TAKEN:
            raise
        return expected, _kept_digest(client, target)
    return expected, told.get("ChecksumSHA256")


def _send_in_parts(
    client: S3Client, target: dict[str, Any], more: dict[str, Any], source: OpenPart, sha256: str
) -> tuple[str, str | None]:
    """The digest of the parts' digests, and the one the store tells; of a failure nothing stays."""
    begun = client.create_multipart_upload(**target, **more, ChecksumAlgorithm="SHA256")
    upload = {**target, "UploadId": begun["UploadId"]}
    try:
        parts, expected = _send_parts(client, upload, source, sha256)
        _put_together(client, upload, parts)
        return expected, _kept_digest(client, target)
    except BaseException:
        _abort(client, upload)
        raise


def _put_together(
    client: S3Client, upload: dict[str, Any], parts: list[CompletedPartTypeDef]
) -> None:
    """Make the parts an object, unless there is one of that name."""
    try:
        client.complete_multipart_upload(
            **upload, MultipartUpload={"Parts": parts}, IfNoneMatch="*"
        )
    except ClientError as error:
        if code_of(error) not in TAKEN:
            raise
        _abort(client, upload)


def _send_parts(
    client: S3Client, upload: dict[str, Any], source: OpenPart, sha256: str
) -> tuple[list[CompletedPartTypeDef], str]:
    """What the store needs to know of each part, and the digest of their digests."""
    whole, parts, digests = hashlib.sha256(), list[Any](), list[bytes]()
    for number, first in enumerate(range(0, source.size_bytes, PART_BYTES), start=1):
        part = source.part(first, PART_BYTES)
        digest = hashlib.sha256()
        while chunk := part.read(READ_BYTES):
            digest.update(chunk)
            whole.update(chunk)
        part.seek(0)
        checksum = encode_digest(digest.digest())
        told = client.upload_part(
            **upload,
            PartNumber=number,
            Body=io.BufferedReader(part),
            ContentLength=part.size_bytes,
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=checksum,
        )
        digests.append(digest.digest())
        parts.append({"PartNumber": number, "ETag": told["ETag"], "ChecksumSHA256": checksum})
    if whole.hexdigest() != sha256:
        raise BucketFault(errno.EIO, "StagedBytesChanged")
    return parts, encode_digest(hashlib.sha256(b"".join(digests)).digest())


def _kept_digest(client: S3Client, target: dict[str, Any]) -> str | None:
    """Of what lies there now; the number of parts behind it is not told by every store."""
    told = client.head_object(**target, ChecksumMode="ENABLED").get("ChecksumSHA256")
    return told.partition("-")[0] if told else None


def _abort(client: S3Client, upload: dict[str, Any]) -> None:
    """Best effort: what is left the sweeper finds."""
    try:
        client.abort_multipart_upload(**upload)
    except (ClientError, BotoCoreError) as error:
        if not isinstance(error, ClientError) or code_of(error) not in TAKEN:
            log.warning("parts.left_behind", error=type(error).__name__)
