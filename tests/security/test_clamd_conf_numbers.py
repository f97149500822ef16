"""The numbers of clamd's configuration, each from the settings it follows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from security.clamd_conf import render_clamd_conf

TEMPLATE = """MaxFileSize $max_file_bytes
MaxScanSize $max_scan_bytes
MaxFiles $max_files
MaxScanTime $max_scan_milliseconds
MaxThreads $max_threads
MaxQueue $max_queue
Paths $socket $pid_file $temporary $database
ScanImageFuzzyHash yes
EnableShutdownCommand no
EnableReloadCommand no
EnableStatsCommand no
"""
SINCE = {
    "ScanImageFuzzyHash": "0.105",
    "EnableShutdownCommand": "1.5",
    "EnableReloadCommand": "1.5",
    "EnableStatsCommand": "1.5",
}


def render(version: str = "1.5.0") -> dict[str, str]:
    text = render_clamd_conf(TEMPLATE, Path("/run"), Path("/signatures"), version)
    assert text.endswith("\n")
    return dict(line.split(" ", 1) for line in text.splitlines())


def test_every_number_follows_its_setting(settings: Any) -> None:
    settings.MAX_UPLOAD_BYTES, settings.SCAN_TIMEOUT_SECONDS = 5000, 25.0
    settings.WEB_INSTANCES, settings.WEB_WORKERS, settings.SCANS_PER_PROCESS = 2, 3, 7
    settings.WORKER_INSTANCES, settings.WORKER_CONCURRENCY = 5, 4

    told = render()

    assert {name: int(told[name]) for name in told if name.startswith("Max")} == {
        "MaxFileSize": 5000 + 1024 * 1024,
        "MaxScanSize": 4 * (5000 + 1024 * 1024),
        "MaxFiles": 10_001,
        "MaxScanTime": 20_000,
        "MaxThreads": 94,
        "MaxQueue": 188,
    }
    assert told["Paths"] == "/run/clamd.sock /run/clamd.own.pid /run /signatures"


@pytest.mark.parametrize("option", SINCE)
@pytest.mark.parametrize(
    "version", ["0.103.11", "0.104.4", "0.105.0", "0.106.9", "1.0.1", "1.4.6", "1.5.0", "2.0.0"]
)
def test_an_option_is_told_from_the_version_that_knows_it(option: str, version: str) -> None:
    known = [int(number) for number in SINCE[option].split(".")]
    asked = [int(number) for number in version.split(".")[:2]]

    assert (option in render(version)) is (asked >= known)
