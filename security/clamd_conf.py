"""Writes clamd's configuration from the settings, so that the two can never disagree."""

from __future__ import annotations

import re
from pathlib import Path
from string import Template

from django.conf import settings

from security.archive_limits import MAX_ENTRIES

MIB = 1024 * 1024
SPARE_THREADS = 2
HEADROOM_BYTES = 1 * MIB  # a member of a container may not reach MaxFileSize (V-05)

# clamd refuses to start on an option it does not know, so younger ones are left out before.
_KNOWN_SINCE = {
    "ScanImageFuzzyHash": (0, 105),
    "EnableShutdownCommand": (1, 5),
    "EnableReloadCommand": (1, 5),
    "EnableStatsCommand": (1, 5),
}


def render_clamd_conf(template: str, run_dir: Path, database: Path, version: str) -> str:
    """The configuration text for a clamd of `version` ("1.4.6") with its files in `run_dir`."""
    max_file_bytes = settings.MAX_UPLOAD_BYTES + HEADROOM_BYTES
    threads = count_threads()
    text = Template(template).substitute(
        socket=run_dir / "clamd.sock",
        pid_file=run_dir / "clamd.own.pid",
        temporary=run_dir,
        database=database,
        max_file_bytes=max_file_bytes,
        max_scan_bytes=4 * max_file_bytes,
        max_files=MAX_ENTRIES + 1,  # an archive our gate lets pass is looked at whole
        max_scan_milliseconds=int(settings.SCAN_TIMEOUT_SECONDS * 800),  # before our own deadline
        max_threads=threads,
        max_queue=2 * threads,
    )
    known = (line for line in text.splitlines() if _is_known(line, version))
    return "\n".join(known) + "\n"


def count_threads() -> int:
    """One for each question that may be asked at once, and some for who only looks after it.

    A web process asks so many scans and a canary; a worker scans once in each of its slots.
    One web server more is counted: docker/roll runs a successor beside the old one.
    """
    web_processes = (settings.WEB_INSTANCES + 1) * settings.WEB_WORKERS
    worker_slots = settings.WORKER_INSTANCES * settings.WORKER_CONCURRENCY
    return int(web_processes * (settings.SCANS_PER_PROCESS + 1) + worker_slots + SPARE_THREADS)


def _is_known(line: str, version: str) -> bool:
    option = line.split(" ", 1)[0]
    since = _KNOWN_SINCE.get(option)
    return since is None or _as_numbers(version) >= since


def _as_numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"[0-9]+", version)[:2])
