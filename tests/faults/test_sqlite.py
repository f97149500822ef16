"""SQLite under eight writers, one of whose processes is killed: no lock error, and no loss."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests import stack
from tests.conftest import kept_files
from tests.faults.living import Web, running_web
from tests.faults.report import BY_RETRY, Report

WRITERS, EACH = 8, 10


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """An empty database in a file."""
    path = tmp_path / "db.sqlite3"
    manage(path, "migrate", "--verbosity", "0")
    return path


def manage(database: Path, *words: str) -> str:
    """`manage.py` on that database."""
    told = subprocess.run(
        [sys.executable, "manage.py", *words],
        env=os.environ | {"DATABASE_URL": f"sqlite:///{database}"},
        cwd=stack.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout.strip()


@pytest.fixture
def web(database: Path, tmp_path: Path) -> Iterator[Web]:
    """Two processes that write."""
    told: dict[str, Any] = {"DATABASE_URL": f"sqlite:///{database}", "MAX_INFLIGHT_UPLOADS": "64"}
    with running_web(tmp_path / "storage", workers=2, **told) as running:
        yield running


class Writer:
    """Sends its files one after the other, each until it knows what became of it."""

    def __init__(self, web: Web, token: str, acknowledged: threading.Semaphore) -> None:
        self._web, self._token, self._acknowledged = web, token, acknowledged
        self.ledger: dict[str, bytes] = {}
        self.statuses: set[int] = set()

    def write(self, name: int) -> None:
        for number in range(EACH):
            content = f"writer {name} file {number}\n".encode() * 50
            self._send(content, uuid.uuid4().hex)

    def _send(self, content: bytes, key: str) -> None:
        for _ in range(100):
            try:
                answer = self._web.upload(self._token, content, key=key)
            except requests.ConnectionError:
                continue  # the key makes this safe
            self.statuses.add(answer.status_code)
            if answer.status_code == 201:
                self.ledger[answer.json()["id"]] = content
                self._acknowledged.release()
            return  # a 409: the killed process still has the key, for a minute


@pytest.mark.fault(44, "SQLite: eight writers, one of two processes is killed")
def test_eight_writers_and_a_kill_lose_no_acknowledged_upload(
    web: Web, database: Path, tmp_path: Path, report: Report
) -> None:
    token = manage(database, "issue_token", "alice")
    acknowledged = threading.Semaphore(0)
    writers = [Writer(web, token, acknowledged) for _ in range(WRITERS)]
    with ThreadPoolExecutor(WRITERS) as threads:
        writing = [threads.submit(each.write, name) for name, each in enumerate(writers)]
        for _ in range(WRITERS * EACH // 3):
            assert acknowledged.acquire(timeout=60)
        os.kill(min(web.workers()), signal.SIGKILL)
        for each in writing:
            each.result(120)

    ledger = {file_id: content for each in writers for file_id, content in each.ledger.items()}
    assert set.union(*(each.statuses for each in writers)) <= {201, 409}
    assert len(ledger) >= WRITERS * (EACH - 1), "a killed process costs each writer one at most"
    assert "locked" not in web.log.read_text()
    assert_all_kept(database, tmp_path / "storage", ledger)
    report(
        saw="201; of the killed process: the connection is lost",
        left="claimed keys, at most one file without its row each",
        repaired=BY_RETRY + " or after 70 s",
    )


def assert_all_kept(database: Path, storage: Path, ledger: dict[str, bytes]) -> None:
    """Each acknowledged file has its row and its bytes, and the database is whole."""
    with sqlite3.connect(database) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = {row[0] for row in connection.execute("SELECT id FROM filesvc_file")}
    connection.close()
    blobs = {path.name: path.read_bytes() for path in kept_files(storage / "files")}
    for file_id, content in ledger.items():
        assert blobs[file_id.replace("-", "")] == content
        assert file_id.replace("-", "") in rows
    assert rows <= set(blobs), "no row without its bytes"
