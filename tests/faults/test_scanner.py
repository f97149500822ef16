"""A scanner that is away, silent, slow or talks nonsense: a refusal in time, and nothing kept."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from security import signatures
from tests import samples
from tests.conftest import assert_nothing_kept
from tests.faults.conftest import Client, failing
from tests.faults.proxy import BLACKHOLE, REFUSE, RESET, ChaosProxy, Toxic
from tests.faults.report import WHEN_OVER, Report
from tests.security.fake_clamd import FakeClamd, Script
from tests.stack import RUN_DIR, Server, wait_until

pytestmark = pytest.mark.django_db

Servers = dict[str, Server]
SCAN_SECONDS = 1.0
BOUND_SECONDS = 6.0  # a scan and a version within their deadlines, and much room
CLEAN_REPLY = b"stream: OK\0"
HALF_WAY = b"<half way>"
LARGE = b"a" * 500_000 + HALF_WAY + b"b" * 500_000

FAULTS = {
    "refuses": (REFUSE, "scanner_unavailable"),
    "hangs": (BLACKHOLE, "scanner_timeout"),
    "resets": (RESET, "scanner_error"),
    "talks nonsense": (Toxic("garbage", b"220 mail.example ESMTP\r\n"), "scanner_error"),
    "says nothing": (Toxic("cut"), "scanner_error"),
    "hangs up in the middle": (Toxic("cut", after_bytes=5), "scanner_error"),
    "is too slow": (Toxic("delay", seconds=30), "scanner_timeout"),
}


@pytest.fixture
def scanner(
    clamd_port: int, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ChaosProxy]:
    """A real clamd over TCP, behind a proxy; a failure is not remembered."""
    settings.SCAN_TIMEOUT_SECONDS = SCAN_SECONDS
    monkeypatch.setattr(signatures, "FAILURE_SECONDS", 0.0)
    with ChaosProxy(("127.0.0.1", clamd_port)) as proxy:
        settings.CLAMD_ADDRESS = f"tcp://127.0.0.1:{proxy.port}"
        yield proxy


@pytest.fixture
def known_version(monkeypatch: pytest.MonkeyPatch, scanner: ChaosProxy) -> None:
    """The scanner was well when it was asked for its version, so the fault meets the scan."""
    monkeypatch.setattr(signatures, "REMEMBERED_SECONDS", 3600.0)
    signatures.current_scanner()


# --- over TCP, a real clamd behind a proxy ----------------------------------------------


@pytest.mark.parametrize("at", ["version", "scan"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_scanner_refuses_the_upload_in_time(
    request: pytest.FixtureRequest, client: Client, scanner: ChaosProxy, fault: str, at: str
) -> None:
    toxic, code = FAULTS[fault]
    if at == "scan":
        request.getfixturevalue("known_version")
    started = time.monotonic()

    with scanner.spoiled(toxic):
        answer = client.upload()

    assert time.monotonic() - started < BOUND_SECONDS
    assert toxic is REFUSE or scanner.struck.is_set()
    client.assert_refused(answer, code)
    assert client.upload().status == 201, "it has healed"


@pytest.mark.parametrize("fault", FAULTS)
def test_the_service_is_not_ready_while_the_scanner_fails(scanner: ChaosProxy, fault: str) -> None:
    toxic, _ = FAULTS[fault]

    with scanner.spoiled(toxic):
        assert failing() == ["scanner"]

    assert failing() == []


@pytest.mark.usefixtures("known_version")
@pytest.mark.parametrize(
    ("kind", "code"), [("reset", "scanner_error"), ("blackhole", "scanner_timeout")]
)
def test_a_stream_that_breaks_half_way_is_no_verdict(
    client: Client, scanner: ChaosProxy, kind: Any, code: str
) -> None:
    with scanner.spoiled(Toxic(kind, once_seen=HALF_WAY)):
        answer = client.upload(LARGE)

    assert scanner.struck.is_set()
    client.assert_refused(answer, code)


@pytest.mark.usefixtures("known_version")
@pytest.mark.parametrize(("content", "status"), [(b"hello", 201), (samples.EICAR, 422)])
def test_a_scanner_that_is_slow_within_its_deadline_gives_its_verdict(
    client: Client, scanner: ChaosProxy, content: bytes, status: int
) -> None:
    with scanner.spoiled(Toxic("delay", seconds=SCAN_SECONDS / 4)):
        answer = client.upload(content)

    assert scanner.struck.is_set()
    assert answer.status == status, answer.body


@pytest.mark.property
@pytest.mark.usefixtures("known_version")
@given(passed_bytes=st.integers(0, 2 * len(CLEAN_REPLY)))
@example(passed_bytes=len(CLEAN_REPLY) - 1)
@example(passed_bytes=len(CLEAN_REPLY))
def test_a_verdict_counts_whole_or_not_at_all(
    client: Client, scanner: ChaosProxy, passed_bytes: int
) -> None:
    with scanner.spoiled(Toxic("cut", after_bytes=passed_bytes)):
        answer = client.upload()

    if passed_bytes >= len(CLEAN_REPLY):
        client.assert_whole(answer)
    else:
        client.assert_refused(answer, "scanner_error")
    client.forget()


@pytest.mark.property
@pytest.mark.usefixtures("known_version")
@given(
    content=st.binary(max_size=60) | st.text(max_size=20).map("stream: {}\0".format).map(str.encode)
)
def test_whatever_a_scanner_answers_only_one_answer_lets_a_file_in(
    client: Client, scanner: ChaosProxy, content: bytes
) -> None:
    with scanner.spoiled(Toxic("garbage", content)):
        answer = client.upload()

    if content == CLEAN_REPLY:
        client.assert_whole(answer)
    else:
        assert answer.code in ("scanner_error", "malware_detected")
        assert_nothing_kept(client.storage)
    client.forget()


@pytest.mark.fault(33, "the scanner's reply is cut, doubled or garbage")
@pytest.mark.usefixtures("known_version")
@pytest.mark.parametrize(
    "reply",
    [b"stream: O", b"stream: OK\0stream: OK\0", b"stream: OK\0stream: X FOUND\0", b"", b"OK\0"],
)
def test_a_reply_that_is_not_the_one_is_an_error(
    client: Client, scanner: ChaosProxy, report: Report, reply: bytes
) -> None:
    with scanner.spoiled(Toxic("garbage", reply)):
        answer = client.upload()

    client.assert_refused(answer, "scanner_error")
    report(saw=answer, left="nothing", repaired=WHEN_OVER)


# --- over a Unix socket: the descriptor itself is handed over ---------------------------


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (Script([b"fd[9]: O"], "hang"), "scanner_timeout"),
        (Script([b"fd[9]: OK\0"], "reset", reads=False), "scanner_error"),
        (Script([b"fd[9]: OK"]), "scanner_error"),
        (Script([b"HTTP/1.1 200 OK\r\n\r\n"]), "scanner_error"),
        (Script(), "scanner_error"),
    ],
    ids=["hangs", "resets", "cuts", "garbage", "nothing"],
)
def test_a_fault_while_the_descriptor_is_scanned_refuses_the_upload(
    client: Client, settings: Any, script: Script, code: str
) -> None:
    settings.SCAN_TIMEOUT_SECONDS = SCAN_SECONDS
    with FakeClamd(script, folder=RUN_DIR) as fake:
        settings.CLAMD_ADDRESS = fake.address
        answer = client.upload()

    assert b"zFILDES" in fake.commands
    client.assert_refused(answer, code)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        pytest.param(
            "stopped", "scanner_unavailable", marks=pytest.mark.fault(30, "the scanner is away")
        ),
        pytest.param(
            "frozen", "scanner_timeout", marks=pytest.mark.fault(31, "the scanner is frozen")
        ),
    ],
)
def test_a_clamd_that_is_gone_or_frozen_refuses_until_it_is_back(
    client: Client, servers: Servers, fault: str, code: str, report: Report
) -> None:
    with getattr(servers["clamd"], fault)():
        answer = client.upload()
        client.assert_refused(answer, code)
        assert failing() == ["scanner"]

    assert failing() == []
    wait_until(lambda: client.upload().status == 201, 5, "the failure is forgotten")
    report(saw=answer, left="nothing; not ready", repaired=WHEN_OVER)


@pytest.mark.fault(32, "the scanner dies before its verdict")
def test_a_clamd_that_dies_over_a_file_has_not_found_it_clean(
    client: Client, servers: Servers, report: Report
) -> None:
    signatures.current_scanner()
    clamd, idle = servers["clamd"], connections_to_clamd()

    def kill_once_asked() -> None:
        wait_until(lambda: connections_to_clamd() > idle, 10, "the upload waits for its verdict")
        clamd.kill()

    assert clamd.process is not None
    os.kill(clamd.process.pid, signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(max_workers=1) as thread:
            killing = thread.submit(kill_once_asked)
            answer = client.upload()
            killing.result()
    finally:
        clamd.kill()
        clamd.start()

    client.assert_refused(answer, "scanner_error")
    assert client.upload().status == 201
    report(saw=answer, left="nothing", repaired=WHEN_OVER)


def connections_to_clamd() -> int:
    """How many sockets there are on its path, its own one included."""
    return Path("/proc/net/unix").read_text().count(f"{RUN_DIR}/clamd.sock\n")


@pytest.mark.fault(31, "the scanner accepts nobody any more")
@pytest.mark.parametrize("transport", ["unix", "tcp"])
def test_a_full_backlog_holds_no_upload_up(
    client: Client, settings: Any, transport: str, report: Report
) -> None:
    signatures.current_scanner()
    started = time.monotonic()
    with full_backlog(transport) as settings.CLAMD_ADDRESS:
        answer = client.upload()

    assert time.monotonic() - started < BOUND_SECONDS
    client.assert_refused(answer, "scanner_unavailable")
    report(saw=answer, left="nothing", repaired=WHEN_OVER)


@contextlib.contextmanager
def full_backlog(transport: str) -> Iterator[str]:
    """The address of a listener that never accepts and has no room for another client."""
    with contextlib.ExitStack() as sockets:
        if transport == "tcp":
            listener = sockets.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
            address = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        else:
            listener = sockets.enter_context(socket.socket(socket.AF_UNIX))
            path = RUN_DIR / f"full-{uuid.uuid4().hex[:8]}.sock"
            listener.bind(str(path))
            listener.listen(0)
            address = f"unix:{path}"
        for _ in range(3):
            client = sockets.enter_context(socket.socket(listener.family))
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                client.connect(listener.getsockname())
        yield address
