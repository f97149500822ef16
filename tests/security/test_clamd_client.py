"""Talking to clamd: whole writes, whole replies, and an end to every wait."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import clamd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from errors import catalogue
from errors.base import ServiceError
from security import clamd_client
from security.clamd_client import MAX_REPLY_BYTES, ClamdClient, Deadline, scanner_faults
from tests import stack
from tests.faults.report import Report
from tests.security.conftest import Stage, free_port
from tests.security.fake_clamd import FakeClamd, Script

UNIX = f"unix:{stack.RUN_DIR}/clamd.sock"
TRANSPORTS = ("unix", "tcp")
BOUND_SECONDS = 5.0  # far above any deadline set here, far below "for ever"

MakeFake = Callable[[str, Script], FakeClamd]


@pytest.fixture
def make_fake() -> Iterator[MakeFake]:
    """Start a fake clamd on one transport; all of them end with the test."""
    running: list[FakeClamd] = []

    def make(transport: str, script: Script) -> FakeClamd:
        folder = stack.RUN_DIR if transport == "unix" else None
        running.append(FakeClamd(script, folder=folder).__enter__())
        return running[-1]

    yield make
    for fake in running:
        fake.__exit__(None, None, None)


@pytest.fixture(params=TRANSPORTS)
def address(request: pytest.FixtureRequest) -> str:
    """A real clamd, over each transport."""
    return UNIX if request.param == "unix" else str(request.getfixturevalue("clamd_over_tcp"))


def test_a_real_clamd_answers_commands(address: str) -> None:
    assert ClamdClient(address, 5).ping() == "PONG"
    assert ClamdClient(address, 5).version().startswith("ClamAV ")


def test_a_real_clamd_scans_an_open_file(address: str, stage: Stage) -> None:
    reply = ClamdClient(address, 5).scan_descriptor(stage(b"hello").descriptor)

    assert reply.startswith(b"fd[" if address == UNIX else b"stream")
    assert reply.endswith(b": OK\0")


def test_one_client_may_be_used_again(address: str, stage: Stage) -> None:
    client = ClamdClient(address, 5)
    staged = stage(b"hello")

    assert client.scan_descriptor(staged.descriptor).endswith(b"OK\0")
    assert client.ping() == "PONG"
    assert client.scan_descriptor(staged.descriptor).endswith(b"OK\0")


@pytest.mark.property
@given(content=st.binary(max_size=600), chunk_bytes=st.integers(1, 200), offset=st.integers(0, 600))
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_clamd_gets_every_byte_wherever_the_file_stands(  # noqa: PLR0917
    transport: str,
    make_fake: MakeFake,
    stage: Stage,
    content: bytes,
    chunk_bytes: int,
    offset: int,
) -> None:
    fake = make_fake(transport, Script([b"stream: OK\0"]))
    staged = stage(content)
    os.lseek(staged.descriptor, offset, os.SEEK_SET)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clamd_client, "STREAM_CHUNK_BYTES", chunk_bytes)
        ClamdClient(fake.address, 5).scan_descriptor(staged.descriptor)

    assert fake.received[-1] == content


@pytest.mark.fault(35, "the kernel takes only part of what is sent to the scanner")
@pytest.mark.parametrize("chunk_bytes", [clamd_client.STREAM_CHUNK_BYTES, 1 << 25])
def test_a_stream_larger_than_every_buffer_arrives_whole(
    make_fake: MakeFake,
    stage: Stage,
    monkeypatch: pytest.MonkeyPatch,
    chunk_bytes: int,
    report: Report,
) -> None:
    """The kernel takes only part of a large write at a time."""
    monkeypatch.setattr(clamd_client, "STREAM_CHUNK_BYTES", chunk_bytes)
    content = os.urandom(20 * 1024 * 1024)
    fake = make_fake("tcp", Script([b"stream: OK\0"]))

    assert ClamdClient(fake.address, 20).scan_descriptor(stage(content).descriptor)
    assert fake.received == [content]
    report(saw="201", left="row and bytes; the scanner got every byte")


@pytest.mark.property
@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8))
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_reply_in_pieces_is_read_to_its_end(
    transport: str, make_fake: MakeFake, stage: Stage, pieces: list[bytes]
) -> None:
    fake = make_fake(transport, Script(pieces))

    reply = ClamdClient(fake.address, 5).scan_descriptor(stage(b"hello").descriptor)

    assert reply == b"".join(pieces)


def test_a_reply_without_end_is_read_in_bounds(make_fake: MakeFake, stage: Stage) -> None:
    fake = make_fake("unix", Script([b"x" * 4000] * 1000))

    reply = ClamdClient(fake.address, 5).scan_descriptor(stage(b"hello").descriptor)

    assert len(reply) <= 2 * MAX_REPLY_BYTES


@pytest.mark.parametrize("ending", ["hang", "reset"])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_conversation_that_breaks_or_stalls_is_an_error(
    transport: str, ending: str, make_fake: MakeFake, stage: Stage
) -> None:
    fake = make_fake(transport, Script([b"stream: OK\0"] if ending == "hang" else [], ending))
    started = time.monotonic()

    # A Unix socket knows no reset; it just ends, and an empty reply is no verdict.
    expected = TimeoutError if ending == "hang" else ConnectionResetError
    if (transport, ending) == ("unix", "reset"):
        assert ClamdClient(fake.address, 0.3).scan_descriptor(stage(b"hello").descriptor) == b""
    else:
        with pytest.raises(expected):
            ClamdClient(fake.address, 0.3).scan_descriptor(stage(b"hello").descriptor)
    assert time.monotonic() - started < BOUND_SECONDS


def test_a_reply_that_drips_does_not_extend_the_deadline(stage: Stage) -> None:
    """One byte now and then resets a plain read time-out, but not the total one."""
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        connection, _ = listener.accept()
        try:
            while not over.wait(0.05):
                connection.sendall(b"x")
        except OSError:
            return
        finally:
            connection.close()

    thread = threading.Thread(target=drip)
    thread.start()
    started = time.monotonic()
    client = ClamdClient(f"tcp://127.0.0.1:{listener.getsockname()[1]}", 0.4)
    with pytest.raises(TimeoutError):
        client.scan_descriptor(stage(b"hello").descriptor)
    taken_seconds = time.monotonic() - started
    over.set()
    thread.join()
    listener.close()
    assert taken_seconds < BOUND_SECONDS


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_nobody_listening_is_a_connection_error(transport: str) -> None:
    address = (
        f"unix:{stack.RUN_DIR}/nobody.sock"
        if transport == "unix"
        else f"tcp://127.0.0.1:{free_port()}"
    )

    with pytest.raises(clamd.ConnectionError):
        ClamdClient(address, 5).ping()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_server_that_never_accepts_is_given_up(
    transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clamd_client, "CONNECT_SECONDS", 0.2)
    family = socket.AF_UNIX if transport == "unix" else socket.AF_INET
    with socket.socket(family) as deaf:
        deaf.bind(f"{stack.RUN_DIR}/deaf.sock" if transport == "unix" else ("127.0.0.1", 0))
        deaf.listen(0)
        name = deaf.getsockname()
        waiting = []
        # Fill the backlog, so that the next connect has to wait.
        for _ in range(8):
            client = socket.socket(family)
            client.setblocking(False)
            client.connect_ex(name)
            waiting.append(client)
        started = time.monotonic()
        address = f"unix:{name}" if transport == "unix" else f"tcp://127.0.0.1:{name[1]}"
        with pytest.raises(clamd.ConnectionError):
            ClamdClient(address, 1).ping()
        assert time.monotonic() - started < BOUND_SECONDS
        for client in waiting:
            client.close()
    (stack.RUN_DIR / "deaf.sock").unlink(missing_ok=True)


def test_a_frozen_clamd_is_given_up(servers: dict[str, stack.Server]) -> None:
    started = time.monotonic()

    with servers["clamd"].frozen(), pytest.raises(TimeoutError):
        ClamdClient(UNIX, 0.3).ping()

    assert time.monotonic() - started < BOUND_SECONDS


def test_no_connection_is_left_open(make_fake: MakeFake, stage: Stage) -> None:
    fakes = [make_fake("unix", Script([b"huh"], ending)) for ending in ("close", "hang")]
    staged = stage(b"hello")
    before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208

    for address in [*(fake.address for fake in fakes), "unix:/nobody", "tcp://127.0.0.1:1"]:
        with pytest.raises((ServiceError, AssertionError)), scanner_faults():
            assert ClamdClient(address, 0.2).scan_descriptor(staged.descriptor) == b""

    for fake in fakes:
        fake.__exit__(None, None, None)
    assert not {
        number
        for number in set(os.listdir("/proc/self/fd")) - before  # noqa: PTH208
        if Path(f"/proc/self/fd/{number}").is_socket()
    }


def test_a_deadline_gives_less_and_less_until_nothing() -> None:
    assert Deadline(100).bound(1) == 1
    assert 0 < Deadline(0.5).bound(10) <= 0.5
    with pytest.raises(TimeoutError):
        Deadline(0).bound(10)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (clamd.ConnectionError("refused"), catalogue.ScannerUnavailable),
        (TimeoutError(), catalogue.ScannerTimeout),
        (ConnectionResetError(), catalogue.ScannerError),
        (BrokenPipeError(), catalogue.ScannerError),
        (OSError(5, "I/O"), catalogue.ScannerError),
    ],
)
def test_what_breaks_a_conversation_is_one_of_three_errors(
    broken: Exception, told: type[ServiceError]
) -> None:
    with pytest.raises(told) as refused, scanner_faults():
        raise broken

    assert (refused.value.status, refused.value.retry_after_seconds) == (503, 30)


@pytest.mark.parametrize("word", [b"INSTREAM size limit exceeded. ERROR\0", b"x: OK ERROR\0"])
def test_an_error_of_clamd_is_heard_though_it_hangs_up_on_the_rest(
    make_fake: MakeFake, stage: Stage, word: bytes
) -> None:
    fake = make_fake("tcp", Script([word], "reset"))

    assert ClamdClient(fake.address, 5).scan_descriptor(stage(b"hello").descriptor) == word


@pytest.mark.property
@given(
    word=st.sampled_from([b"stream: OK\0", b"stream: ERROR", b"ERROR\0"]) | st.binary(max_size=40)
)
def test_no_other_word_counts_when_the_connection_breaks(
    make_fake: MakeFake, stage: Stage, word: bytes
) -> None:
    assume(not word.endswith(b" ERROR\0"))
    fake = make_fake("tcp", Script([word] if word else [], "reset"))

    with pytest.raises(ConnectionResetError):
        ClamdClient(fake.address, 5).scan_descriptor(stage(b"hello").descriptor)
