"""An upload of 100 MB beside clamd's own scan of the same bytes, by turns in one run.

python -m tests.load.large [--rounds 5]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import requests

from tests.load.targets import LIMITS, Target, running_backends, running_service

FILE_BYTES, LINE = (
    100_000_000,
    b"The quick brown fox jumps over the lazy dog, over and over again.\n",
)
HEAD = b'--large\r\nContent-Disposition: form-data; name="file"; filename="large.txt"\r\n\r\n'
TAIL = b"\r\n--large--\r\n"


def main() -> None:
    """Print seconds of both, and the ratio of their rates."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=5)
    asked = arguments.parse_args()
    os.environ.update(LIMITS)  # clamd's configuration is written from the settings
    with (
        tempfile.TemporaryDirectory(prefix="filesvc-load-", dir="/var/tmp") as folder,
        running_backends(),
        running_service(Path(folder)) as service,
    ):
        rounds = [measure(service, Path(folder), number) for number in range(asked.rounds + 1)][1:]
    scan, upload = (statistics.median(seconds) for seconds in zip(*rounds, strict=True))
    ratio = statistics.median(scan / upload for scan, upload in rounds)
    print("| clamd alone, s | whole upload, s | upload by scan, rate |\n| ---: | ---: | ---: |")
    print(f"| {scan:.2f} | {upload:.2f} | **{ratio:.2f}** |")


def measure(service: Target, folder: Path, number: int) -> tuple[float, float]:
    """Seconds of the scan alone, and of the upload of other bytes of that size."""
    content = f"{number} {time.time()}\n".encode() + LINE * (FILE_BYTES // len(LINE))
    scanned = folder / "scanned"
    scanned.write_bytes(content)
    scan_seconds = timed_scan(scanned)
    body = HEAD + content[::-1].strip() + TAIL
    began = time.perf_counter()
    answer = requests.post(
        service.url,
        data=body,
        headers={
            "Authorization": f"Bearer {service.token}",
            "Content-Type": "multipart/form-data; boundary=large",
        },
        timeout=120,
    )
    upload_seconds = time.perf_counter() - began
    assert answer.status_code == 201, answer.text
    service.clean()
    return scan_seconds, upload_seconds


def timed_scan(path: Path) -> float:
    """clamd reads the open file itself (FILDES)."""
    import django

    django.setup()
    from security.clamd_client import ClamdClient

    descriptor = os.open(path, os.O_RDONLY)
    began = time.perf_counter()
    reply = ClamdClient(os.environ["CLAMD_ADDRESS"], 60).scan_descriptor(descriptor)
    seconds = time.perf_counter() - began
    os.close(descriptor)
    assert reply.endswith(b" OK\0"), reply
    return seconds


if __name__ == "__main__":
    main()
