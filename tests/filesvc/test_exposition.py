"""Metrics of several processes: summed, the dead ones folded, told on a port where it is set."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from filesvc.exposition import SharedCounts, fold_dead, serve_metrics
from tests.security.conftest import free_port
from tests.stack import ROOT

# Counts, and then ends or waits to be ended; every kind of metric, with and without labels.
COUNT = """
import sys
from errors import metrics
metrics.ERRORS.labels("not_found", "404").inc({amount})
metrics.UPLOAD_BYTES.inc({amount})
metrics.GATE_SECONDS.labels("scan").observe({amount})
metrics.UPLOADS_UNDER_WAY.inc({amount})
metrics.CANARY_SECONDS.labels("eicar").set({amount})
print("counted", flush=True)
if {waits}:
    sys.stdin.read()
"""


def counting(folder: Path, amount: int, *, waits: bool = False) -> subprocess.Popen[str]:
    """A process that has counted so much in the folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", COUNT.format(amount=amount, waits=waits)],
        cwd=ROOT,
        env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "counted\n"
    if not waits:
        end(process)
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.communicate()
    assert process.returncode == 0


def read(folder: Path) -> dict[str, float]:
    """What a scrape of the folder tells, without labels; buckets left out."""
    registry = CollectorRegistry()
    registry.register(SharedCounts(folder))
    families = text_string_to_metric_families(generate_latest(registry).decode())
    samples = [sample for family in families for sample in family.samples]
    return {sample.name: sample.value for sample in samples if "le" not in sample.labels}


def test_what_processes_counted_is_summed_and_outlives_them(tmp_path: Path) -> None:
    for amount in (1, 2, 3):
        counting(tmp_path, amount)

    for _ in range(2):
        told = read(tmp_path)
        assert told["filesvc_errors_total"] == told["filesvc_upload_bytes_total"] == 6
        assert told["filesvc_gate_seconds_sum"] == 6
        assert told["filesvc_gate_seconds_count"] == 3


def test_a_gauge_speaks_of_living_processes_alone(tmp_path: Path) -> None:
    counting(tmp_path, 7)
    living = [counting(tmp_path, amount, waits=True) for amount in (2, 3)]

    told = read(tmp_path)
    assert told["filesvc_uploads_under_way"] == 5
    assert told["filesvc_canary_timestamp_seconds"] == 2, "the one that waits longest"

    for process in living:
        end(process)
    assert "filesvc_uploads_under_way" not in read(tmp_path)


def test_a_folder_does_not_grow_with_the_processes_that_were(tmp_path: Path) -> None:
    counting(tmp_path, 1)
    fold_dead(tmp_path)
    files = sorted(path.name for path in tmp_path.glob("*.db"))

    for _ in range(3):
        counting(tmp_path, 1)
        read(tmp_path)

    assert files == sorted(path.name for path in tmp_path.glob("*.db"))
    assert files == ["counter_0.db", "histogram_0.db"]
    assert read(tmp_path)["filesvc_errors_total"] == 4


def test_readers_at_the_same_time_see_everything_once(tmp_path: Path) -> None:
    for amount in range(1, 6):
        counting(tmp_path, amount)

    with ThreadPoolExecutor(8) as readers:
        told = list(readers.map(lambda _: read(tmp_path)["filesvc_errors_total"], range(16)))

    assert told == [15.0] * 16


def test_a_process_of_somebody_else_is_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting(tmp_path, 1)

    def refuse(process: int, number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)
    fold_dead(tmp_path)

    assert not (tmp_path / "counter_0.db").exists()


def test_a_process_without_requests_tells_its_metrics_on_a_port(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting(tmp_path, 4)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    settings.METRICS_PORT = free_port()
    stop: list[Any] = []

    served = serve_metrics(keep=stop.append)

    with urllib.request.urlopen(f"http://127.0.0.1:{settings.METRICS_PORT}/metrics") as answer:
        assert b"filesvc_upload_bytes_total 4.0" in answer.read()
    server, thread = stop[0]
    server.shutdown()
    server.server_close()
    thread.join()
    assert served


def test_a_port_that_is_taken_costs_the_numbers_and_not_the_work(
    settings: Any, log_events: list[dict[str, Any]]
) -> None:
    import socket

    with socket.create_server(("0.0.0.0", 0)) as taken:  # noqa: S104 - as the metrics would be
        settings.METRICS_PORT = taken.getsockname()[1]
        assert serve_metrics() is False

    assert [event["event"] for event in log_events] == ["metrics.port_taken"]


def test_no_port_is_opened_unless_it_is_set(settings: Any) -> None:
    settings.METRICS_PORT = 0

    assert serve_metrics() is False
