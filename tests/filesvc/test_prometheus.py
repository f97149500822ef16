"""A real Prometheus with the configuration that Compose gives it finds all it asks for."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from tests.faults.living import are_final, running_web
from tests.filesvc.processes import database_url, running_worker
from tests.process_tree import end
from tests.security.conftest import free_port
from tests.stack import ROOT, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

CONFIGURATION = yaml.safe_load((ROOT / "docker/prometheus.yml").read_text())
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
GROUPS = yaml.safe_load((ROOT / "docker/alerts.yml").read_text())["groups"]
ALERTS = {rule["alert"] for group in GROUPS for rule in group["rules"]}
JOBS = {job["job_name"]: job["dns_sd_configs"][0] for job in CONFIGURATION["scrape_configs"]}


def test_each_name_and_port_it_asks_for_is_one_that_compose_has() -> None:
    settings = {name: COMPOSE["services"][name]["environment"] for name in ("worker", "sweeper")}

    for asked in JOBS.values():
        (name,) = asked["names"]
        told = settings.get(name)
        assert asked["port"] == (int(told["METRICS_PORT"]) if told else 8000)
        assert "metrics" in COMPOSE["services"][name]["networks"]


def test_a_running_prometheus_sees_every_target_and_every_alert(
    token: str, storage: Path, tmp_path: Path
) -> None:
    ports = {"worker": free_port(), "sweeper": free_port()}
    with (
        running_web(storage, **metrics_of(tmp_path, "web")) as web,
        running_worker(storage, **metrics_of(tmp_path, "worker", ports["worker"])),
        running_sweeper(storage, tmp_path, ports["sweeper"]),
        running_prometheus(tmp_path, ports | {"web": web.port}) as url,
    ):
        assert web.upload(token).status_code == 201
        wait_until(are_final, 60, "the file is processed")

        def value_of(query: str) -> float:
            found = requests.get(f"{url}/api/v1/query", {"query": query}, timeout=5).json()
            return sum(float(one["value"][1]) for one in found["data"]["result"])

        wait_until(lambda: value_of('up{job=~"filesvc-.*"}') == len(JOBS), 60, "all are up")
        wait_until(lambda: value_of("filesvc_uploads_total") == 1, 30, "the web has told")
        wait_until(lambda: value_of("filesvc_finished_files_total") == 1, 30, "the worker has told")
        rules = requests.get(f"{url}/api/v1/rules", timeout=5).json()["data"]["groups"]

    loaded = {rule["name"]: rule["health"] for group in rules for rule in group["rules"]}
    assert set(loaded) == ALERTS
    assert "err" not in loaded.values()


def metrics_of(folder: Path, name: str, port: int = 0) -> dict[str, Any]:
    """Each with counters of its own, as in a container."""
    counters = folder / f"{name}-metrics"
    counters.mkdir()
    return {"PROMETHEUS_MULTIPROC_DIR": str(counters), "METRICS_PORT": str(port)}


@contextlib.contextmanager
def running_sweeper(storage: Path, folder: Path, port: int) -> Iterator[None]:
    """`manage.py sweep`, as its container runs it."""
    told = {"DATABASE_URL": database_url(), "STORAGE_ROOT": str(storage)}
    with (folder / "sweeper.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "sweep"],
            cwd=ROOT,
            env=os.environ | told | metrics_of(folder, "sweeper", port),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield
    finally:
        end(process)


@contextlib.contextmanager
def running_prometheus(folder: Path, ports: dict[str, int]) -> Iterator[str]:
    """One that finds by port what Docker's name server would tell; all else is as shipped."""
    binary = shutil.which("prometheus")
    assert binary, "prometheus is missing"
    path, address = folder / "prometheus.yml", f"127.0.0.1:{free_port()}"
    path.write_text(yaml.safe_dump(with_ports(ports)))
    words = [f"--config.file={path}", f"--storage.tsdb.path={folder}/tsdb"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [binary, *words, f"--web.listen-address={address}"],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_until(lambda: is_ready(f"http://{address}"), 60, "Prometheus is ready")
        yield f"http://{address}"
    finally:
        end(process)


def with_ports(ports: dict[str, int]) -> dict[str, Any]:
    """The shipped configuration, with places on this machine and a faster clock."""
    jobs = []
    for name, asked in JOBS.items():
        target = f"127.0.0.1:{ports[asked['names'][0]]}"
        jobs.append({"job_name": name, "static_configs": [{"targets": [target]}]})
    return {
        **CONFIGURATION,
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(ROOT / "docker/alerts.yml")],
        "scrape_configs": jobs,
    }


def is_ready(url: str) -> bool:
    """Whether it has loaded its configuration."""
    with contextlib.suppress(requests.ConnectionError):
        return requests.get(f"{url}/-/ready", timeout=5).ok
    return False
