"""The other processes on a bucket: a worker that copies what it works on, a sweeper that tidies."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from filesvc.models import File
from tests import samples, stack
from tests.client import call, upload
from tests.filesvc.conftest import Doorbell
from tests.filesvc.processes import database_url, running_worker
from tests.filesvc.test_tasks_worker import wait_for_queued_files
from tests.s3 import CREDENTIALS, REGION, TestBucket

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def told(bucket: TestBucket, settings: Any) -> dict[str, Any]:
    """The bucket, as the environment names it."""
    return {
        "S3_BUCKET": bucket.name,
        "S3_ENDPOINT_URL": settings.S3_ENDPOINT_URL,
        "S3_REGION": REGION,
        "S3_ADDRESSING_STYLE": "path",
        "AWS_ACCESS_KEY_ID": str(CREDENTIALS[0]),
        "AWS_SECRET_ACCESS_KEY": str(CREDENTIALS[1]),
    }


def test_a_worker_processes_what_lies_in_a_bucket_and_leaves_no_copy(
    token: str, storage: Path, doorbell: Doorbell, bucket: TestBucket, told: dict[str, Any]
) -> None:
    text = upload(token, b"hello world\n", "note.txt")
    image = upload(token, samples.image("PNG", (31, 7)), "a.png")

    with running_worker(storage, **told):
        wait_for_queued_files()

    files = [call("GET", answer.headers["location"], token=token).json for answer in (text, image)]
    assert [file["status"] for file in files] == ["processed"] * 2
    assert (files[0]["metadata"]["words"], files[1]["metadata"]["width"]) == (2, 31)
    assert call("GET", files[1]["preview"], token=token).body[:4] == b"RIFF"
    ids = [file["id"].replace("-", "") for file in files]
    assert set(bucket.contents()) == {*(f"files/{one}" for one in ids), f"previews/{ids[1]}.1"}
    assert list((storage / "staging").iterdir()) == []


def test_a_sweep_of_a_bucket_says_what_it_would_do(
    token: str, storage: Path, bucket: TestBucket, told: dict[str, Any]
) -> None:
    assert upload(token, b"hello").status == 201
    bucket.client.create_multipart_upload(Bucket=bucket.name, Key="files/begun")

    swept = subprocess.run(
        [sys.executable, "manage.py", "sweep", "--once", "--dry-run"],
        env=os.environ | told | {"DATABASE_URL": database_url(), "STORAGE_ROOT": str(storage)},
        cwd=stack.ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert swept.stdout.splitlines() == ["remove_orphan_blobs begun"]
    assert bucket.uploads() == ["files/begun"]
    assert File.objects.count() == 1
