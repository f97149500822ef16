"""A warm process for one module: imports what does not depend on it, forks once for each mutant.

    python -m tests.mutants.warm MODULE TEST ...     (in a copy of the sources, which it changes)

It reads requests, a JSON object in a line: the mutated `source`, and the `start` and `end` of
what is different. It answers each with a line: `{"outcome": "killed" | "late" | "survived",
"by": the test, "seconds": how long it took}`. What lies inside a function is tried by a child
that has collected the tests already (`collected.py`), all else by a new run of pytest.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import django
import grimp
import pytest

from tests import stack
from tests.mutants.collected import CANNOT, Collected, serve
from tests.mutants.forking import (
    REPORT,
    Run,
    adopt_orphans,
    end_children,
    fork_run,
    judge,
    redirect_output,
)
from tests.mutants.watching import OPTIONS, Asked, Watch

OURS = ("config", "filesvc", "security", "errors")
LEAST_SECONDS, TIMES_BASELINE, BASELINE_SECONDS = 20.0, 8, 600.0


class BaselineFailed(Exception):
    """The tests fail without any mutant, so they could tell nothing."""


@dataclass
class Barred:
    """An import hook: one module is not to be had, nor what cannot do without it."""

    module: str

    def find_spec(self, name: str, *_: object) -> None:
        if name == self.module:
            raise ImportError(f"{name} is different in every mutant")


def import_others(mutated: str, seen: Iterable[str]) -> None:
    """Of the modules a run of the tests imported those that stay as they are for every mutant."""
    dependent = find_dependents(mutated)
    barred = Barred(mutated)
    sys.meta_path.insert(0, barred)
    if {"config.settings", "filesvc.apps", "filesvc.models"} & dependent:
        del os.environ["DJANGO_SETTINGS_MODULE"]  # nobody may read the settings yet
    else:
        django.setup()
    for name in seen:
        if name in dependent or name.split(".")[0] in ("tests", "conftest"):
            continue
        # Some cannot be imported alone, or not before Django is set up.
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    sys.meta_path.remove(barred)


def find_dependents(mutated: str) -> set[str]:
    """What imports it, by whatever way; whatever is in a package that does, does so too."""
    graph = grimp.build_graph(*OURS, cache_dir=None)
    found: set[str] = set()
    waiting = {mutated}
    while waiting:
        name = waiting.pop()
        found.add(name)
        users = graph.find_modules_that_directly_import(name) | graph.find_descendants(name)
        waiting |= users - found
    return found


@dataclass
class Warm:
    """What one module's mutants share."""

    module: str
    tests: list[str]
    asked: Asked = field(default_factory=Asked)
    limit_seconds: float = BASELINE_SECONDS
    # The child that has collected the tests: its process, the way to it and back.
    collected: int = 0
    requests: TextIO | None = None
    answers: TextIO | None = None

    def run_tests(self) -> Run:
        """The whole of pytest in a child."""

        def begin() -> None:
            redirect_output()
            signal.setitimer(signal.ITIMER_PROF, LEAST_SECONDS)
            with contextlib.suppress(BaseException):
                watch = Watch(self.asked, REPORT)
                os._exit(int(pytest.main([*OPTIONS, *self.tests], plugins=[watch])))
            os._exit(3)

        run = fork_run(begin, self.limit_seconds, self.collected)
        assert run, "the child does not come back"
        return run

    def measure(self) -> Run:
        """The tests as they are, without servers if they pass so. Raises BaselineFailed."""
        for needs_servers in (False, True):
            self.asked.needs_servers = needs_servers
            run = self.run_tests()
            if run.status == 0:
                break
        self.check(run)
        self.asked.seconds = run.told["seconds"]
        return run

    def check(self, run: Run) -> None:
        """Raises BaselineFailed."""
        if run.status:
            raise BaselineFailed(f"{run.told} {stack.RUN_DIR}")

    def collect(self) -> None:
        """Start the child that has collected the tests."""
        to_read, to_ask = os.pipe()
        to_hear, to_answer = os.pipe()
        source = Path(self.module).resolve()
        self.collected = os.fork()
        if not self.collected:
            os.close(to_ask)  # else its other end would never end
            os.close(to_hear)
            with os.fdopen(to_read) as requests, os.fdopen(to_answer, "w") as answers:
                watch = Watch(self.asked, REPORT)
                serve(Collected(source, watch, self.limit_seconds, requests, answers), self.tests)
        os.close(to_read)
        os.close(to_answer)
        self.requests, self.answers = os.fdopen(to_ask, "w"), os.fdopen(to_hear)
        first = self.answers.readline()
        if json.loads(first or "{}").get("outcome") != "survived":
            raise BaselineFailed(f"once collected: {first} {REPORT.read_text()}")

    def try_mutant(self, line: str) -> dict[str, Any]:
        """In the child that is further on if that can be, else from the start of pytest."""
        assert self.requests
        assert self.answers
        self.requests.write(line)
        self.requests.flush()
        answer: dict[str, Any] = json.loads(self.answers.readline())
        return self.try_cold() if answer["outcome"] == CANNOT else answer

    def try_cold(self) -> dict[str, Any]:
        """A run of its own."""
        return judge(self.run_tests(), self.asked)


@contextlib.contextmanager
def changed(module: str, content: str) -> Iterator[None]:
    """The module's file with another content; also what Python had compiled is gone."""
    source = Path(module)
    original = source.read_text()
    source.write_text(content)
    # Two mutants may have one size and one time, by which Python would know it.
    Path(importlib.util.cache_from_source(module)).unlink(missing_ok=True)
    yield
    source.write_text(original)


def module_name(path: str) -> str:
    """As it is imported."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def main(module: str, tests: list[str]) -> None:
    """Warm up, then one line in, one line out."""
    adopt_orphans()
    warm = Warm(module, tests)
    seen, environment = warm.measure().told["modules"], dict(os.environ)
    import_others(module_name(module), seen)
    os.environ.update(environment)
    gc.freeze()
    run = warm.run_tests()
    warm.check(run)
    warm.limit_seconds = max(LEAST_SECONDS, TIMES_BASELINE * run.seconds)
    warm.collect()
    for line in sys.stdin:
        with changed(module, json.loads(line)["source"]):
            answer = warm.try_mutant(line)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    end_children()
    shutil.rmtree(stack.RUN_DIR, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
