"""A download ends: for a client that takes nothing, and for one that takes too little."""

from __future__ import annotations

import contextlib
import io
import json
import socket
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from filesvc import content, downloads
from filesvc.downloads import Download, allowed_seconds
from filesvc.models import File, Status
from security.concurrency import client_slots
from tests.client import call
from tests.conftest import assert_problem
from tests.faults.living import Web, read_all, running_web
from tests.filesvc.conftest import MakeFile
from tests.stack import wait_until

# More than the server and the kernel hold back for a client that takes nothing.
LARGE = bytes(range(256)) * (48 * 1024 * 4)
STALL_SECONDS = 5
THREADS = 4
SLOTS = THREADS - 2


class Clock:
    """`time.monotonic`, as far as the test lets it go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(downloads, "time", SimpleNamespace(monotonic=lambda: self.now))


def begin(sent: bytes) -> Download:
    """A download of these bytes, with its slot."""
    client_slots.take_or_refuse()
    return Download(File(), io.BytesIO(sent), len(sent))


@pytest.mark.parametrize(("late_by", "is_whole"), [(-1, True), (1, False)])
def test_a_client_has_as_long_as_so_many_bytes_may_take(
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
    log_events: list[dict[str, Any]],
    late_by: float,
    *,
    is_whole: bool,
) -> None:
    clock = Clock(monkeypatch)
    monkeypatch.setattr(downloads, "CHUNK_BYTES", 10)
    settings.DOWNLOAD_BYTES_PER_SECOND, settings.DOWNLOAD_STALL_SECONDS = 5, 30
    download = begin(b"x" * 25)

    chunks = iter(download)
    got = next(chunks)
    clock.now = 30 + 25 / 5 + late_by
    got += b"".join(chunks)
    download.close()

    assert len(got) == (25 if is_whole else 10)
    cut = [event for event in log_events if event["event"] == "content.cut_short"]
    told = [(event["sent_bytes"], event["content_bytes"], event["is_slow"]) for event in cut]
    assert told == ([] if is_whole else [(10, 25, True)])


@given(length_bytes=st.integers(0, 2**31), more=st.integers(1, 2**20))
def test_more_bytes_may_take_longer(length_bytes: int, more: int) -> None:
    assert allowed_seconds(length_bytes) < allowed_seconds(length_bytes + more)


def test_a_client_that_leaves_is_told_of_and_its_slot_is_free(
    monkeypatch: pytest.MonkeyPatch, settings: Any, log_events: list[dict[str, Any]]
) -> None:
    monkeypatch.setattr(downloads, "CHUNK_BYTES", 10)
    for _ in range(settings.MAX_WAITING_CLIENTS + 1):
        download = begin(b"x" * 25)
        next(iter(download))
        download.close()

    assert {event["event"] for event in log_events} == {"content.cut_short"}
    assert (log_events[0]["sent_bytes"], log_events[0]["is_slow"]) == (10, False)


@pytest.mark.django_db
def test_a_download_that_cannot_begin_gives_its_slot_back_whatever_stopped_it(
    token: str, make_file: MakeFile, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    file = make_file(b"hello", status=Status.PROCESSED, processed=True)

    def refuse(*args: Any) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as broken:
        broken.setattr(content, "open_span", refuse)
        for _ in range(settings.MAX_WAITING_CLIENTS + 1):
            assert_problem(call("GET", f"{file.path}content/", token=token), 500, "internal_error")

    assert call("GET", f"{file.path}content/", token=token).body == b"hello"


def test_an_answer_without_a_body_is_no_download_that_was_cut(
    log_events: list[dict[str, Any]],
) -> None:
    begin(b"hello").close()  # as for HEAD

    assert log_events == []


# --- a real server ---------------------------------------------------------------------------


def ask_for(web: Web, file: File, token: str, receive_bytes: int) -> socket.socket:
    """A client that has asked for the content, and reads when it is told to."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    client.connect(("127.0.0.1", web.port))
    client.settimeout(30)
    head = f"GET {file.path}content/ HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}"
    client.sendall(f"{head}\r\nConnection: close\r\n\r\n".encode())
    return client


def cut_downloads(web: Web) -> list[dict[str, Any]]:
    """What the server's log tells of them."""
    lines = [line for line in web.log.read_text().splitlines() if "content.cut_short" in line]
    return [json.loads(line) for line in lines]


@pytest.mark.django_db(transaction=True)
def test_clients_that_take_nothing_are_cut_off_and_give_their_places_back(
    token: str, make_file: MakeFile, storage: Path
) -> None:
    file = make_file(LARGE, status=Status.PROCESSED, processed=True)
    with (
        running_web(storage, threads=THREADS, DOWNLOAD_STALL_SECONDS=str(STALL_SECONDS)) as web,
        contextlib.ExitStack() as clients,
    ):
        idle = [clients.enter_context(ask_for(web, file, token, 64 * 1024)) for _ in range(SLOTS)]
        wait_until(lambda: len(cut_downloads(web)) >= SLOTS, 30, "they are cut off")
        whole = requests.get(
            f"{web.url}{file.path}content/",
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        )
        left = [read_all(client) for client in idle]

    assert (whole.status_code, whole.content) == (200, LARGE)
    assert all(len(read) < len(LARGE) for read in left)
    line = cut_downloads(web)[0]
    assert (line["file_id"], line["is_slow"]) == (str(file.id), False)
    assert line["sent_bytes"] < line["content_bytes"] == len(LARGE)
    assert len(line["request_id"]) == 32


@pytest.mark.django_db(transaction=True)
def test_a_client_that_takes_a_little_at_a_time_is_cut_off(
    token: str, make_file: MakeFile, storage: Path
) -> None:
    file = make_file(LARGE, status=Status.PROCESSED, processed=True)
    pace: dict[str, Any] = {"DOWNLOAD_STALL_SECONDS": "5", "DOWNLOAD_BYTES_PER_SECOND": str(2**30)}
    over = threading.Event()
    with (
        running_web(storage, threads=THREADS, **pace) as web,
        ask_for(web, file, token, 64 * 1024) as client,
    ):
        reader = threading.Thread(target=sip, args=(client, over))
        reader.start()
        wait_until(lambda: bool(cut_downloads(web)), 60, "it is cut off")
        over.set()
        reader.join()

    assert [line["is_slow"] for line in cut_downloads(web)] == [True]


def sip(client: socket.socket, over: threading.Event) -> None:
    """About a megabyte a second, and never nothing for long."""
    while not over.wait(0.1) and client.recv(100 * 1024):
        pass
