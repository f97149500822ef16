"""Breaks what a service stands on, by chance but by seed, and mends each break after a while."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.chaos.orchestra import Orchestra
from tests.chaos.programs import Program, send, wait_for

RECOVERY_SECONDS = 120.0
GAP_SECONDS = (0.5, 5.0)
PAIR_CHANCE = 0.2
CONFINED = "filesvc.confined"

Fault = Callable[[Orchestra, random.Random], AbstractContextManager[None]]


@dataclass
class Nemesis:
    """Draws faults from a shuffled deck, so that none is left out, and notes what it did."""

    target: Orchestra
    chance: random.Random
    tell: Callable[[str], None]
    kinds: list[str]
    faults: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, str] = (0.0, "")
    not_recovered: list[str] = field(default_factory=list)
    mended: list[tuple[datetime, str]] = field(default_factory=list)

    def rage(self, seconds: float, stop: threading.Event) -> None:
        """One fault after the other, now and then two at once; all is mended at the end."""
        end = time.monotonic() + seconds
        deck: list[str] = []
        while time.monotonic() < end and not stop.is_set():
            names = []
            for _ in range(1 + (self.chance.random() < PAIR_CHANCE)):
                deck = deck or self.chance.sample(self.kinds, len(self.kinds))
                names.append(deck.pop())
            self._strike(names)
            time.sleep(self.chance.uniform(*GAP_SECONDS))

    def _strike(self, names: list[str]) -> None:
        with contextlib.ExitStack() as broken:
            for name in names:
                try:
                    broken.enter_context(FAULTS[name](self.target, self.chance))
                    self.faults[name] += 1
                except NothingToBreak:
                    self.missed[name] += 1
        self._watch_recovery("+".join(names))

    def _watch_recovery(self, what: str) -> None:
        """How long it takes from the mending until every part says that it is well."""
        self.mended.append((datetime.now(UTC), what))
        began = time.monotonic()
        is_ready = wait_for(self.target.is_ready, RECOVERY_SECONDS)
        seconds = time.monotonic() - began
        self.slowest = max(self.slowest, (seconds, what))
        if not is_ready:
            self.not_recovered.append(what)
        clock = datetime.now(UTC).strftime("%M:%S")
        self.tell(f"{clock} {what}: ready again after {seconds:.1f} s")


class NothingToBreak(Exception):
    """Raised when the process that was to be hit does not run just now, or cannot be hit."""


def pick(pids: list[int], chance: random.Random) -> int:
    """One of them.

    Raises NothingToBreak.
    """
    if not pids:
        raise NothingToBreak
    return chance.choice(sorted(pids))


# --- where the processes are --------------------------------------------------------------

Find = Callable[[Orchestra], list[int]]


def main_of(name: str) -> Find:
    """The process that the supervisor knows."""
    return lambda target: [target.programs[name].pid]


def child_of(name: str) -> Find:
    """A child of it that does the work."""

    def find(target: Orchestra) -> list[int]:
        return target.programs[name].children()

    return find


def confined(target: Orchestra) -> list[int]:
    """The processes that open strangers' files."""
    return target.programs["worker"].members(CONFINED)


def serving(target: Orchestra) -> list[int]:
    """The processes of PostgreSQL that serve a connection of the service."""
    return target.programs["postgresql"].children("postgres: postgres postgres [local]")


# --- what is done to them -----------------------------------------------------------------


def killed(find: Find) -> Fault:
    """Gone without a word; whoever looks after it restarts it."""

    @contextmanager
    def strike(target: Orchestra, chance: random.Random) -> Iterator[None]:
        send(pick(find(target), chance), signal.SIGKILL)
        yield

    return strike


def frozen(find: Find, least: float, most: float) -> Fault:
    """It holds what it has and does nothing, for so many seconds."""

    @contextmanager
    def strike(target: Orchestra, chance: random.Random) -> Iterator[None]:
        pid = pick(find(target), chance)
        send(pid, signal.SIGSTOP)
        try:
            time.sleep(chance.uniform(least, most))
            yield
        finally:
            send(pid, signal.SIGCONT)

    return strike


def asked_to(find: Find, number: int) -> Fault:
    """A signal that it answers in good order."""

    @contextmanager
    def strike(target: Orchestra, chance: random.Random) -> Iterator[None]:
        send(pick(find(target), chance), number)
        yield

    return strike


def gone(name: str, number: int) -> Fault:
    """Ended, and for some seconds not restarted."""

    @contextmanager
    def strike(target: Orchestra, chance: random.Random) -> Iterator[None]:
        with down([target.programs[name]], number):
            time.sleep(chance.uniform(1, 9))
            yield

    return strike


@contextmanager
def down(programs: list[Program], number: int) -> Iterator[None]:
    """They are ended, and wanted again afterwards."""
    for program in programs:
        program.is_wanted = False
        program.send(number)
    try:
        yield
    finally:
        for program in programs:
            wait_for(lambda program=program: not program.is_running, 60)  # type: ignore[misc]  # binds the value of the loop
            program.is_wanted = True


@contextmanager
def everything_restarted(target: Orchestra, chance: random.Random) -> Iterator[None]:
    """As after a power cut: all killed at once, and Redis comes back empty."""
    programs = [program for name, program in target.programs.items() if name != "edge"]
    with down(programs, signal.SIGKILL):
        for program in programs:
            for pid in program.members():
                send(pid, signal.SIGKILL)
    yield


@contextmanager
def redis_flushed(target: Orchestra, chance: random.Random) -> Iterator[None]:
    """The queue and every count are gone."""
    command_redis(target, "FLUSHALL")
    yield


@contextmanager
def redis_full(target: Orchestra, chance: random.Random) -> Iterator[None]:
    """It refuses every write for a while."""
    command_redis(target, "CONFIG SET maxmemory 1")
    try:
        time.sleep(chance.uniform(1, 8))
        yield
    finally:
        with contextlib.suppress(NothingToBreak):  # a Redis that was restarted knows nothing of it
            command_redis(target, "CONFIG SET maxmemory 256mb")


def command_redis(target: Orchestra, line: str) -> None:
    """One command, in the inline form.

    Raises NothingToBreak when it does not come through.
    """
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        try:
            client.connect(str(target.run_dir / "redis.sock"))
            client.sendall(f"{line}\r\n".encode())
            if not client.recv(64).startswith(b"+OK"):
                raise NothingToBreak
        except OSError:
            raise NothingToBreak from None


@contextmanager
def disk_full(target: Orchestra, chance: random.Random) -> Iterator[None]:
    """Not one byte more fits into the store, where it is a file system of its own."""
    if not os.path.ismount(target.storage):
        raise NothingToBreak
    filler = target.storage / "filler"
    try:
        fill(filler)
        time.sleep(chance.uniform(1, 6))
        yield
    finally:
        filler.unlink(missing_ok=True)


def fill(path: Path) -> None:
    """Take all that is left."""
    with path.open("wb", buffering=0) as target, contextlib.suppress(OSError):
        while target.write(bytes(1024 * 1024)):
            pass


FAULTS: dict[str, Fault] = {
    "Redis killed": killed(main_of("redis")),
    "Redis frozen": frozen(main_of("redis"), 1, 10),
    "Redis flushed": redis_flushed,
    "Redis full": redis_full,
    "Redis gone": gone("redis", signal.SIGTERM),
    "clamd killed": killed(main_of("clamd")),
    "clamd frozen": frozen(main_of("clamd"), 1, 10),
    "clamd gone": gone("clamd", signal.SIGTERM),
    "web worker killed": killed(child_of("web")),
    "web worker frozen": frozen(child_of("web"), 1, 10),
    "web main killed": killed(main_of("web")),
    "web restarted (TERM)": asked_to(main_of("web"), signal.SIGTERM),
    "web reloaded (HUP)": asked_to(main_of("web"), signal.SIGHUP),
    "worker main killed": killed(main_of("worker")),
    "worker main frozen": frozen(main_of("worker"), 1, 15),
    "worker restarted (TERM)": asked_to(main_of("worker"), signal.SIGTERM),
    "pool child killed": killed(child_of("worker")),
    "pool child frozen past its lease": frozen(child_of("worker"), 31, 36),
    "confined process killed": killed(confined),
    "confined process frozen": frozen(confined, 1, 15),
    "sweeper killed": killed(main_of("sweeper")),
    "sweeper frozen": frozen(main_of("sweeper"), 1, 15),
    "PostgreSQL stopped at once": gone("postgresql", signal.SIGQUIT),
    "PostgreSQL frozen": frozen(main_of("postgresql"), 1, 8),
    "PostgreSQL backend killed": killed(serving),
    "everything killed, Redis empty": everything_restarted,
    "store full": disk_full,
}
