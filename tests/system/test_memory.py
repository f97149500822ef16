"""A very large upload costs time and disk, and no memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.system.service import Service, bearer, cloned

pytestmark = pytest.mark.system

MIB = 1024 * 1024
FILE_BYTES = 1024 * MIB
BOUNDARY = "large"


@pytest.fixture
def large_service() -> Iterator[Service]:
    """A service that takes 1 GiB."""
    limit = str(FILE_BYTES + MIB)
    with cloned(
        MAX_UPLOAD_BYTES=limit,
        SCAN_TIMEOUT_SECONDS="120",
        REQUEST_TIMEOUT_SECONDS="180",
        UPLOAD_RATE="9999/m",
    ) as service:
        service.start()
        yield service


def peak_kib(pid: int) -> int:
    """The largest resident size the process ever had."""
    status = Path(f"/proc/{pid}/status").read_text()
    match = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(match[1]) if match else 0


class Form:
    """A form with one text file of 1 GiB, made while it is sent."""

    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="big.txt"\r\n\r\n'
    ).encode()
    tail = f"\r\n--{BOUNDARY}--\r\n".encode()

    def __len__(self) -> int:
        return len(self.head) + FILE_BYTES + len(self.tail)

    def __iter__(self) -> Iterator[bytes]:
        yield self.head
        line = (b"0123456789abcde\n" * (MIB // 16))[:MIB]
        for _ in range(FILE_BYTES // MIB):
            yield line
        yield self.tail


def warm_every_worker(service: Service, token: str) -> None:
    """A process grows at its first upload, whatever its size: libraries and tables are loaded."""
    for _ in range(2):
        with ThreadPoolExecutor(16) as pool:
            sent = [pool.submit(service.upload, token, b"warm", "warm.txt") for _ in range(100)]
        assert {future.result().status_code for future in sent} <= {201, 429, 503}


def test_a_gigabyte_grows_no_process_of_ours_by_32_mib(large_service: Service) -> None:
    token = large_service.issue_token()
    warm_every_worker(large_service, token)
    before = {pid: peak_kib(pid) for pid in large_service.processes()}
    names = large_service.processes()

    created = requests.post(
        f"{large_service.url}/upload/",
        data=Form(),
        headers=bearer(token) | {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"},
        timeout=300,
    )

    assert created.status_code == 201, created.text
    assert created.json()["size"] == FILE_BYTES
    grown = [(names[pid], (peak_kib(pid) - was) // 1024) for pid, was in before.items()]
    for name, mib in grown:
        print(f"{mib:5d} MiB  {name[-60:]}")  # noqa: T201
    assert max(mib for name, mib in grown if "bin/clamd " not in name) < 32
