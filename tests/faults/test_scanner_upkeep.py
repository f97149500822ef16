"""Signatures that are reloaded, broken or stale: late or refused, and never falsely clean."""

from __future__ import annotations

import contextlib
import datetime
import shutil
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from security import signatures
from security.clamd_conf import render_clamd_conf
from tests import samples, stack
from tests.faults.conftest import Client, failing
from tests.faults.report import WHEN_OVER, Report
from tests.security.conftest import clamd_version
from tests.security.fake_clamd import FakeClamd, Script
from tests.stack import Server, wait_until

pytestmark = [pytest.mark.django_db, pytest.mark.slow_fault]

MADE_SIGNATURES = 5_000
SCANS = 25


@pytest.fixture
def scanner(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Server, Path]]:
    """A clamd with a set of its own, which takes a while to load."""
    monkeypatch.setattr(signatures, "FAILURE_SECONDS", 0.0)
    monkeypatch.setattr(signatures, "REMEMBERED_SECONDS", 0.0)
    folder = stack.RUN_DIR / "clamd-upkeep"
    database = folder / "signatures"
    shutil.copytree(stack.ROOT / "docker/signatures", database)
    lines = (f"{number:032x}:{number + 100}:Made.{number}" for number in range(MADE_SIGNATURES))
    (database / "made.hdb").write_text("\n".join(lines) + "\n")
    template = (stack.ROOT / "docker/clamd.conf.template").read_text()
    (folder / "clamd.conf").write_text(
        render_clamd_conf(template, folder, database, clamd_version())
    )
    server = Server(
        "clamd-upkeep",
        [str(stack.RUN_DIR / "clamd"), f"--config-file={folder}/clamd.conf"],
        lambda: stack.answers(folder / "clamd.sock", b"zPING\0", b"PONG"),
    )
    server.start()
    settings.CLAMD_ADDRESS = f"unix:{folder}/clamd.sock"
    yield server, folder
    server.stop()
    shutil.rmtree(folder)


def reload_until(over: threading.Event, folder: Path) -> int:
    """Ask for a reload again and again; returns how often it was begun."""
    count = 0
    while not over.is_set():
        count += stack.answers(folder / "clamd.sock", b"zRELOAD\0", b"RELOADING")
        over.wait(0.2)  # scans may start between two of them
    return count


@pytest.mark.fault(36, "signatures are reloaded while files are scanned")
def test_a_reload_lets_no_malware_through(
    scanner: tuple[Server, Path], client: Client, report: Report
) -> None:
    over = threading.Event()
    with ThreadPoolExecutor(1) as thread:
        reloading = thread.submit(reload_until, over, scanner[1])
        try:
            bad = [client.upload(samples.EICAR).status for _ in range(SCANS)]
            good = [client.upload().status for _ in range(SCANS)]
        finally:
            over.set()
        assert reloading.result(60) > 0

    assert set(bad) <= {422, 503}
    assert set(good) <= {201, 503}
    wait_until(lambda: client.upload(samples.EICAR).status == 422, 30, "malware is found")
    wait_until(lambda: client.upload().status == 201, 30, "all is well")
    report(saw="201 and 422 as ever, or 503", left="nothing", repaired=WHEN_OVER)


@pytest.mark.fault(37, "the signatures are broken and the scanner does not start")
def test_a_scanner_that_cannot_load_its_set_refuses_every_upload(
    scanner: tuple[Server, Path], client: Client, report: Report
) -> None:
    server, folder = scanner
    server.stop()
    broken = folder / "signatures" / "broken.ndb"
    broken.write_text("this is no signature\n")
    told = subprocess.run(server.command, capture_output=True, timeout=60, check=False)
    assert told.returncode != 0

    answer = client.upload()

    client.assert_refused(answer, "scanner_unavailable")
    assert failing() == ["scanner"]
    broken.unlink()
    with contextlib.suppress(FileNotFoundError):
        (folder / "clamd.sock").unlink()
    server.start()
    assert failing() == []
    assert client.upload().status == 201
    report(saw=answer, left="nothing; not ready", repaired=WHEN_OVER)


@pytest.mark.fault(37, "the signatures are eight days old")
def test_stale_signatures_refuse_every_upload(
    client: Client, settings: Any, report: Report
) -> None:
    old = datetime.datetime.now() - datetime.timedelta(days=8)  # noqa: DTZ005 - as clamd tells it
    version = f"ClamAV 1.4.6/27000/{old:%a %b %d %H:%M:%S %Y}\0".encode()
    with FakeClamd(Script([b"stream: OK\0"]), version) as fake:
        settings.CLAMD_ADDRESS = fake.address
        answer = client.upload()
        client.assert_refused(answer, "scanner_unavailable")
        assert failing() == ["scanner"]

    assert fake.received == [], "no file was scanned with them"
    report(saw=answer, left="nothing; not ready", repaired=WHEN_OVER)
