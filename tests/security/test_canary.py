"""The scanner is asked about a clean file and EICAR: when it is due, by one thread at a time."""

from __future__ import annotations

import contextlib
import marshal
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from errors.metrics import CANARY_RIGHT
from security import canary, malware
from security.canary import AGAIN_SECONDS, EVERY_SECONDS, Canary, Word, eicar
from tests import stack
from tests.security.fake_clamd import FakeClamd, Script
from tests.stack import ROOT, Server

VERSION = b"ClamAV 1.4.6\0"


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def gauge(file: str) -> float:
    return float(CANARY_RIGHT.labels(file)._value.get())


def test_a_real_scanner_is_right_about_both() -> None:
    word = Canary().refresh()

    assert word is not None
    assert word.is_good
    assert (gauge("clean"), gauge("eicar")) == (1.0, 1.0)


def test_eicar_stands_nowhere_in_the_sources() -> None:
    sources = [ROOT / name for name in ("config", "filesvc", "security", "errors", "docker")]
    files = [path for folder in sources for path in folder.rglob("*") if path.is_file()]

    assert files
    read = [path for path in files if "__pycache__" not in path.parts]
    assert [path for path in read if eicar() in path.read_bytes()] == []
    compiled = compile(Path(canary.__file__).read_text(), "canary", "exec")
    assert eicar() not in marshal.dumps(compiled), "not even where constants are folded"
    assert len(eicar()) == 68


def test_a_scanner_that_finds_nothing_is_wrong(
    log_events: list[dict[str, Any]], settings: Any
) -> None:
    with FakeClamd(Script((b"fd[9]: OK\0",)), VERSION, folder=stack.RUN_DIR) as fake:
        settings.CLAMD_ADDRESS = fake.address
        word = Canary().refresh()

    assert word is not None
    assert not word.is_right
    assert (gauge("clean"), gauge("eicar")) == (1.0, 0.0)
    assert [(told["event"], told["eicar"]) for told in log_events] == [("canary.wrong", None)]


def test_a_scanner_that_finds_everything_is_wrong(settings: Any) -> None:
    with FakeClamd(Script((b"fd[9]: Anything FOUND\0",)), VERSION, folder=stack.RUN_DIR) as fake:
        settings.CLAMD_ADDRESS = fake.address
        word = Canary().refresh()

    assert word is not None
    assert not word.is_right
    assert (gauge("clean"), gauge("eicar")) == (0.0, 1.0)


def test_a_scanner_that_is_away_is_no_word_and_the_last_one_ages(
    servers: dict[str, Server], log_events: list[dict[str, Any]]
) -> None:
    clock, asked = Clock(), Canary()
    asked._clock = clock
    first = asked.refresh()
    with servers["clamd"].stopped():
        clock.now += EVERY_SECONDS
        assert asked.refresh() is first

    assert [told["event"] for told in log_events] == ["canary.not_asked"]
    assert asked.refresh() is first, "not due again so soon"
    clock.now += AGAIN_SECONDS
    assert asked.refresh() is not first


def test_without_a_first_word_there_is_none(settings: Any) -> None:
    settings.CLAMD_ADDRESS = f"unix:{stack.RUN_DIR}/no-clamd"

    assert Canary().refresh() is None


@pytest.mark.parametrize(("is_right", "seconds"), [(True, EVERY_SECONDS), (False, AGAIN_SECONDS)])
def test_it_is_asked_again_when_it_is_due(
    is_right: bool, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_right:
        monkeypatch.setattr(canary, "CLEAN", eicar())
    clock = Clock()
    asked = Canary(clock)
    first = asked.refresh()
    assert first is not None
    assert first.is_right is is_right

    clock.now += seconds - 1
    assert asked.refresh() is first
    clock.now += 1
    assert asked.refresh() is not first


def test_many_who_come_at_once_ask_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, counted = Canary(), list[bytes]()
    real = canary._code_of

    def count(content: bytes) -> str | None:
        counted.append(content)
        return real(content)

    monkeypatch.setattr(canary, "_code_of", count)
    with ThreadPoolExecutor(8) as threads:
        words = list(threads.map(lambda _: asked.refresh(), range(16)))

    assert len(counted) == 2
    assert all(word is words[0] for word in words)


def test_it_waits_for_none_of_the_scans_that_are_under_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(malware, "_scans", threading.BoundedSemaphore(1))
    with malware._scan_turn(1):
        word = Canary().refresh()

    assert word is not None
    assert word.is_good


def test_who_comes_while_it_is_asked_takes_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    asked = Canary(clock)
    first = asked.refresh()
    clock.now += EVERY_SECONDS
    with asked._asking:
        assert asked.refresh() is first


def test_a_word_is_good_for_three_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1.0]
    monkeypatch.setattr(canary, "time", SimpleNamespace(monotonic=lambda: now[0]))
    right, wrong = Word(is_right=True, heard_at=1.0), Word(is_right=False, heard_at=1.0)
    assert right.is_good
    assert not wrong.is_good

    now[0] += 180
    assert right.is_good
    now[0] += 0.5
    assert not right.is_good


def test_a_thread_of_its_own_asks_without_being_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    heard, stop = threading.Barrier(2), threading.Event()

    class Listening(Canary):
        def refresh(self) -> Word | None:
            with contextlib.suppress(threading.BrokenBarrierError):
                heard.wait(10)
            return super().refresh()

    monkeypatch.setattr(canary, "canary", Listening())
    thread = threading.Thread(target=canary.ask_forever, args=(stop, 0.01))
    thread.start()
    for _ in range(2):
        heard.wait(10)
    stop.set()
    heard.abort()
    thread.join(10)

    assert not thread.is_alive()


def test_no_descriptor_is_left_open() -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(3):
        assert Canary().refresh() is not None

    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
