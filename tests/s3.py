"""The S3 server of the tests, a bucket for each test, and a store of either kind.

A pytest plugin (`-p tests.s3`). The server is started for the first test that asks for it.
"""

from __future__ import annotations

import contextlib
import http.client
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.stack import Server

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CREDENTIALS = ("only-for-tests", "secret-only-for-tests", None)
REGION = "eu-central-1"
BUCKET = "bucket-of-the-tests"


@pytest.fixture(scope="session")
def s3_port() -> Iterator[int]:
    """The loopback port of a real S3 server."""
    from tests.security.conftest import free_port

    port = free_port()
    command = [sys.executable, "-m", "tests.s3_server", str(port)]
    server = Server("s3", command, lambda: is_answered(port))
    server.start()
    yield port
    server.stop()


def is_answered(port: int) -> bool:
    """True when a request gets an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.closing(connection), contextlib.suppress(OSError):
        connection.request("GET", "/")
        return connection.getresponse().status < 500
    return False


def forget_everything(port: int) -> None:
    """Moto's own way to begin anew."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.closing(connection):
        connection.request("POST", "/moto-api/reset")
        assert connection.getresponse().status == 200


@pytest.fixture(scope="session")
def s3_client(s3_port: int) -> S3Client:
    """A client of the tests' own, which goes straight to the server."""
    import boto3

    key_id, secret, _ = CREDENTIALS
    return boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{s3_port}",
        region_name=REGION,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
    )


class TestBucket:
    """A bucket of one test, and what is in it."""

    __test__ = False

    def __init__(self, client: S3Client, name: str) -> None:
        self.client = client
        self.name = name

    def put(self, key: str, content: bytes) -> None:
        """As somebody else would."""
        self.client.put_object(Bucket=self.name, Key=key, Body=content)

    def contents(self) -> dict[str, bytes]:
        """Every object by its key, but for the probe."""
        listed = self.client.list_objects_v2(Bucket=self.name).get("Contents", [])
        keys = [told["Key"] for told in listed if told["Key"] != "probe"]
        return {
            key: self.client.get_object(Bucket=self.name, Key=key)["Body"].read() for key in keys
        }

    def uploads(self) -> list[str]:
        """The keys of uploads in parts that are not over."""
        told = self.client.list_multipart_uploads(Bucket=self.name)
        return [upload["Key"] for upload in told.get("Uploads", [])]


@pytest.fixture
def bucket(s3_client: S3Client, s3_port: int, settings: Any, storage: Path) -> TestBucket:
    """The store of this test is a bucket, and an empty one.

    Of one name in all tests: the product makes a client for each, which takes its time.
    """
    forget_everything(s3_port)
    place: Any = {"LocationConstraint": REGION}
    s3_client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
    settings.S3_ENDPOINT_URL = f"http://127.0.0.1:{s3_port}"
    settings.S3_REGION = REGION
    settings.S3_CREDENTIALS = CREDENTIALS
    settings.S3_BUCKET = BUCKET
    return TestBucket(s3_client, BUCKET)


@pytest.fixture(params=["folder", "bucket"])
def kept(request: pytest.FixtureRequest) -> None:
    """Run the test on both kinds of store."""
    if request.param == "bucket":
        request.getfixturevalue("bucket")


def put_kept(kind: str, file_id: uuid.UUID, content: bytes, ending: str = "") -> None:
    """Let this lie in the store, whichever it is; in a folder not durably, which takes its time."""
    from filesvc.stores import current_store
    from filesvc.stores.folder import Folder

    store = current_store()
    place = store.place_of(kind, file_id, ending)
    if isinstance(store, Folder):
        store.path_of(place).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        store.path_of(place).write_bytes(content)
    else:
        store.put(place, content)


def drop_kept(kind: str, file_id: uuid.UUID, ending: str = "") -> None:
    """Let it be gone."""
    from filesvc.stores import current_store

    store = current_store()
    store.delete(store.place_of(kind, file_id, ending))


def read_kept() -> dict[str, bytes]:
    """What lies in the store, by its names without their folders."""
    from filesvc.stores import current_store
    from filesvc.stores.places import FILES, PREVIEWS

    store, found = current_store(), dict[str, bytes]()
    for kind in (FILES, PREVIEWS):
        for stored in store.list(kind):
            with store.open(stored.place, stored.size_bytes) as source:
                found[stored.name] = source.read()
    return found
