"""An upload of 100 MB beside clamd's own scan of the same bytes, by type and by turns in one run.

python -m tests.load.large [--rounds 5]
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import tempfile
import time
import wave
import zipfile
from pathlib import Path

import requests

from tests.load.targets import LIMITS, Target, running_backends, running_service

FILE_BYTES = 100_000_000
MEMBERS = 100
LINE = b"The quick brown fox jumps over the lazy dog, over and over again.\n"
HEAD = b'--large\r\nContent-Disposition: form-data; name="file"; filename="large.%s"\r\n\r\n'
TAIL = b"\r\n--large--\r\n"


def make_text() -> bytes:
    """Lines, the first of them never seen before."""
    return f"{time.time_ns()}\n".encode() + LINE * (FILE_BYTES // len(LINE))


def make_sound() -> bytes:
    """Noise, as CDs have it."""
    target = io.BytesIO()
    with wave.open(target, "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(44_100)
        sound.writeframes(os.urandom(FILE_BYTES))
    return target.getvalue()


def make_archive() -> bytes:
    """Texts that are stored as they are, as archives of things that are packed already."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for number in range(MEMBERS):
            lines = LINE * (FILE_BYTES // MEMBERS // len(LINE))
            archive.writestr(f"{number}.txt", f"{time.time_ns()}\n".encode() + lines)
    return target.getvalue()


TYPES = "text/plain,audio/vnd.wave,application/zip"
KINDS = {"txt": make_text, "wav": make_sound, "zip": make_archive}


def main() -> None:
    """Print seconds of both by type, and the ratio of their rates."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=5)
    asked = arguments.parse_args()
    os.environ.update(LIMITS)  # clamd's configuration is written from the settings
    with (
        tempfile.TemporaryDirectory(prefix="filesvc-load-", dir="/var/tmp") as folder,
        running_backends(),
        running_service(Path(folder), ALLOWED_TYPES=TYPES) as service,
    ):
        print("| file | clamd alone, s | whole upload, s | upload by scan, rate |")
        print("| --- | ---: | ---: | ---: |")
        for kind in KINDS:
            print(compare(service, Path(folder), kind, asked.rounds), flush=True)


def compare(service: Target, folder: Path, kind: str, rounds: int) -> str:
    """One row: medians, and that of the ratios; the first round warms up."""
    times = [measure(service, folder, kind) for _ in range(rounds + 1)][1:]
    scan, upload = (statistics.median(seconds) for seconds in zip(*times, strict=True))
    ratio = statistics.median(scan / upload for scan, upload in times)
    return f"| {kind} | {scan:.2f} | {upload:.2f} | **{ratio:.2f}** |"


def measure(service: Target, folder: Path, kind: str) -> tuple[float, float]:
    """Seconds of the scan alone, and of the upload of other bytes of that kind."""
    scanned = folder / "scanned"
    scanned.write_bytes(KINDS[kind]())
    scan_seconds = timed_scan(scanned)
    body = HEAD % kind.encode() + KINDS[kind]() + TAIL
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
