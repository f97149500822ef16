"""The whole way in, through nginx with TLS and the limits of every day: the tour, and one id."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.config.sentry import Collector, collecting
from tests.system.edge import ITS_ADDRESS, edge
from tests.system.own_ca import make_certificates
from tests.system.service import Service, bearer, cloned, wait_until

pytestmark = pytest.mark.system

STEPS = 16


@dataclass
class Way:
    """A service with its default limits, the nginx before it, and whom it reports to."""

    service: Service
    sentry: Collector
    url: str
    ca_file: Path
    access_log: Path

    def tour(self, *options: str) -> subprocess.CompletedProcess[str]:
        """`python -m filesvc.tour` as somebody elsewhere takes it."""
        words = [".venv/bin/python", "-m", "filesvc.tour", "--url", self.url, *options]
        words += ["--token", self.service.issue_token("tourist")]
        return subprocess.run(
            words, cwd=self.service.root, env={}, capture_output=True, text=True, check=False
        )

    def lines_of(self, request_id: str) -> dict[str, dict[str, Any]]:
        """What nginx, web and worker have logged with that id, by event."""
        texts = self.access_log.read_text() + self.service.output
        lines = [json.loads(line) for line in texts.splitlines() if line[:1] == "{"]
        return {line["event"]: line for line in lines if line.get("request_id") == request_id}


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    """One for both tests."""
    folder = tmp_path_factory.mktemp("way")
    ca_file, log = make_certificates(folder), folder / "access.log"
    with collecting() as sentry:
        settings = {
            "ACCEL_LOCATION": "/__kept/",
            "TRUSTED_PROXIES": f"{ITS_ADDRESS}/32",
            "SENTRY_DSN": sentry.dsn,
            "SENTRY_TRACES_SAMPLE_RATE": "1.0",
        }
        with cloned(**settings) as service:
            service.start()
            storage = service.root / "var/storage"
            with edge(service.port, storage=storage, tls=folder, log=log) as port:
                yield Way(service, sentry, f"https://127.0.0.1:{port}", ca_file, log)


def test_the_tour_differs_in_nothing_through_nginx_with_tls_and_ordinary_limits(way: Way) -> None:
    taken = way.tour("--ca", str(way.ca_file))

    assert taken.returncode == 0, taken.stdout + taken.stderr
    assert f"all {STEPS} steps at {way.url} as expected" in taken.stdout
    burst = next(line for line in taken.stdout.splitlines() if "burst of uploads" in line)
    assert burst.startswith("ok")
    assert "not tried" not in taken.stdout


def test_the_tour_speaks_to_nobody_whose_certificate_it_does_not_trust(way: Way) -> None:
    taken = way.tour()

    assert (taken.returncode, taken.stdout) == (2, "")
    assert "is not trusted" in taken.stderr
    assert "--ca FILE" in taken.stderr


def test_one_id_stands_in_the_lines_of_nginx_web_and_worker_and_in_the_traces(way: Way) -> None:
    token = way.service.issue_token("traced")

    created = requests.post(
        f"{way.url}/upload/",
        files={"file": ("a.txt", b"hello")},
        headers=bearer(token),
        verify=str(way.ca_file),
        timeout=30,
    )

    request_id, file_id = created.headers["X-Request-ID"], created.json()["id"]

    def traced() -> dict[str, dict[str, Any]]:
        told = way.sentry.transactions
        mine = [one for one in told if one["tags"].get("request_id") == request_id]
        return {one["transaction"]: one for one in mine}

    wait_until(lambda: len(traced()) == 2, 60, "web and worker have told Sentry")
    assert set(traced()) == {"/upload/", "filesvc.process_file"}
    for told in traced().values():
        assert told["contexts"]["trace"]["trace_id"] == request_id
    lines = way.lines_of(request_id)
    assert set(lines) == {"edge.answered", "upload.accepted", "file.processed"}
    asked = lines.pop("edge.answered")
    assert (asked["method"], asked["path"], asked["status"]) == ("POST", "/upload/", "201")
    assert {line["file_id"] for line in lines.values()} == {file_id}
