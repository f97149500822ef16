"""One chaos run: clients, faults, quiet, and the account of it all."""

from __future__ import annotations

import bisect
import contextlib
import json
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import requests

from tests.chaos.checker import Checker, Findings
from tests.chaos.clients import Client
from tests.chaos.ledger import Ledger
from tests.chaos.nemesis import FAULTS, Nemesis
from tests.chaos.orchestra import Orchestra

CLIENTS = 4
PROGRESS_SECONDS = 30.0
UNSETTLED_SECONDS = 300.0

Tell = Callable[[str], None]


@dataclass
class Run:
    """What a run needs and what it leaves to look at."""

    target: Orchestra
    seed: int
    tell: Tell
    kinds: list[str] = field(default_factory=lambda: sorted(FAULTS))
    ledger: Ledger = field(default_factory=Ledger)
    seconds: float = 0.0
    calm_at: float = 0.0
    settled_seconds: float = 0.0

    def __post_init__(self) -> None:
        self.checker = Checker(self.target, self.ledger)
        chance = random.Random(f"{self.seed} nemesis")  # noqa: S311 - to be repeated
        self.nemesis = Nemesis(self.target, chance, self.tell, self.kinds)

    def play(self, seconds: float) -> Findings:
        """Faults for so long, quiet until all is settled, and what is amiss then."""
        self.seconds = seconds
        self.checker.call_witness()
        clients = [self._make_client(number) for number in range(CLIENTS)]
        threads = [threading.Thread(target=client.run, name=client.name) for client in clients]
        with self._progress():
            for thread in threads:
                thread.start()
            try:
                self.nemesis.rage(seconds, threading.Event())
                self.calm_at = time.monotonic()
            finally:
                self._let_settle(clients, threads)
        self.settled_seconds = self.checker.wait_until_final(self.calm_at or time.monotonic())
        found = self.checker.check()
        found.broken += [f"a client failed: {c.failure!r}" for c in clients if c.failure]
        found.stuck += [f"not ready after {what}" for what in self.nemesis.not_recovered]
        return found

    def _make_client(self, number: int) -> Client:
        """Every second one comes through the edge, where there is one."""
        urls, name = self.target.urls, f"client{number}"
        token = self.target.issue_token(name)
        return Client(name, urls[number % len(urls)], token, self.ledger, f"{self.seed} {name}")

    def _let_settle(self, clients: list[Client], threads: list[threading.Thread]) -> None:
        """No new uploads; what was begun is tried until it is answered."""
        for client in clients:
            client.stop_sending.set()
        end = time.monotonic() + UNSETTLED_SECONDS
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
        for client in clients:
            client.stop.set()
        for thread in threads:
            thread.join()

    @contextlib.contextmanager
    def _progress(self) -> Iterator[None]:
        """A line now and then."""
        over = threading.Event()

        def report() -> None:
            began = time.monotonic()
            while not over.wait(PROGRESS_SECONDS):
                told = ", ".join(f"{n} {what}" for what, n in self.ledger.totals().items())
                self.tell(f"{time.monotonic() - began:.0f} s: {told}")

        thread = threading.Thread(target=report, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    # --- the account ----------------------------------------------------------------------

    def account(self, found: Findings) -> list[tuple[str, str]]:
        """The lines of the table."""
        ledger, nemesis = self.ledger, self.nemesis
        acknowledged = sum(bool(sent.ids) for sent in ledger.sent)
        refused = Counter(sent.refused_as for sent in ledger.sent if sent.refused_as)
        in_doubt = sum(not sent.ids and not sent.refused_as for sent in ledger.sent)
        lines = [
            ("seed, minutes of faults", f"{self.seed}, {self.seconds / 60:g}"),
            ("uploads: files, tries", f"{len(ledger.sent)}, {self._tries()}"),
            ("acknowledged", str(acknowledged)),
            ("refused for good", told(refused)),
            ("given up unanswered (no key)", str(in_doubt)),
            ("answers to uploads", told(self._answers("upload "))),
            ("answers to downloads", told(self._answers("download "))),
            ("answers to deletions", told(self._answers("delete "))),
            ("faults", f"{sum(nemesis.faults.values())} of {len(nemesis.faults)} kinds"),
            ("faults by kind", told(nemesis.faults)),
            ("faults with nothing to break", told(nemesis.missed)),
            ("restarts by the supervisor", told(self._restarts())),
            (
                "claims per file",
                told({f"{k} claim(s)": n for k, n in self.checker.attempts().items()}),
            ),
            ("slowest answer, s", told({k: f"{s:.1f}" for k, s in ledger.slowest.items()})),
            ("longest time without a 201, s", f"{self._longest_gap():.1f}"),
            (
                "slowest to be ready again, s",
                f"{nemesis.slowest[0]:.1f} after {nemesis.slowest[1]}",
            ),
            ("slowest to process a new file, s", self._slowest_recovery()),
            ("slowest file, row to final, s", "{:.1f}: {}".format(*self.checker.slowest_file())),
            ("all final after the last fault, s", f"{self.settled_seconds:.1f}"),
            ("errors in the logs", told(self.logged_errors())),
        ]
        names = {"failed": "good files failed", "broken": "answers against the contract"}
        for kind, what in vars(found).items():
            lines.append((names.get(kind, kind), str(len(what))))
        return lines

    def _tries(self) -> int:
        return sum(sent.tries for sent in self.ledger.sent)

    def _answers(self, what: str) -> Counter[str]:
        answers = self.ledger.answers.items()
        return Counter({k.removeprefix(what): n for k, n in answers if k.startswith(what)})

    def _restarts(self) -> dict[str, int]:
        programs = self.target.programs.values()
        return {program.name: program.restarts for program in programs if program.restarts}

    def _slowest_recovery(self) -> str:
        """From a mending to the end of a file that came after it; the last has no file after it."""
        mended = self.nemesis.mended[:-1]
        seconds, what = max(
            ((self.checker.recovery_seconds(at), what) for at, what in mended),
            default=(0.0, "none"),
        )
        return f"{seconds:.1f} after {what}"

    def _longest_gap(self) -> float:
        """While faults went on."""
        times = self.ledger.accepted_at
        times = times[: bisect.bisect(times, self.calm_at)] if times == sorted(times) else times
        return max((b - a for a, b in zip(times, times[1:], strict=False)), default=0.0)

    def logged_errors(self) -> Counter[str]:
        """Events at the level of errors, by name, and tracebacks that are no event."""
        found = Counter[str]()
        for log in self.target.folder.glob("*.log"):
            if log.stem in ("postgresql", "edge", "clamd", "redis"):
                continue
            for line in log.read_text("utf-8", "replace").splitlines():
                if line.startswith("Traceback"):
                    found[f"{log.stem}: traceback"] += 1
                with contextlib.suppress(ValueError, AttributeError):
                    event = json.loads(line)
                    if event.get("level") in ("error", "critical"):
                        name = re.sub(r"\[.*?\]", "", event.get("event", ""))[:80]
                        found[f"{log.stem}: {name}"] += 1
        return found


def told(counts: Counter[str] | dict[str, str] | dict[str, int]) -> str:
    """`3 x this, 2 x that`, the most frequent first."""
    if isinstance(counts, Counter):
        counts = dict(counts.most_common())
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"


def is_alive(url: str) -> bool:
    """Whether /health/live answers with success."""
    try:
        return requests.get(f"{url}/health/live", timeout=5).ok
    except requests.RequestException:
        return False
