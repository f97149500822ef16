"""One forked run of tests: a clock that lets it rest, an end for whatever it leaves behind."""

from __future__ import annotations

import ctypes
import json
import os
import select
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import stack
from tests.mutants.watching import Asked

SLICE_SECONDS = 0.5
REPORT = stack.RUN_DIR / "told.json"
OUTPUT = stack.RUN_DIR / "output"


@dataclass
class Run:
    """How one forked run of the tests ended."""

    status: int | None  # None: it was ended for being late
    seconds: float
    told: dict[str, Any]


def fork_run(begin: Callable[[], None], limit_seconds: float, spared: int = 0) -> Run | None:
    """Begin it in a child with an empty folder; None in that child, which goes on from there."""
    shutil.rmtree(stack.RUN_DIR, ignore_errors=True)
    stack.RUN_DIR.mkdir()
    started = time.monotonic()
    child = os.fork()
    if not child:
        begin()
        return None
    status = wait_for(child, limit_seconds)
    end_children(spared)
    told = json.loads(REPORT.read_text() or "{}") if REPORT.exists() else {}
    return Run(status, time.monotonic() - started, told)


def wait_for(child: int, limit_seconds: float) -> int | None:
    """Its exit status; None when it is late.

    The time is counted in slices, so that a run that is stopped for a while does not age.
    """
    handle = os.pidfd_open(child)
    try:
        for _ in range(int(limit_seconds / SLICE_SECONDS) + 1):
            if select.select([handle], [], [], SLICE_SECONDS)[0]:
                return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    finally:
        os.close(handle)
    return None


def adopt_orphans() -> None:
    """What a child leaves behind becomes ours, so that we can end it."""
    set_child_subreaper = 36
    ctypes.CDLL(None).prctl(set_child_subreaper, 1)


def end_children(spared: int = 0) -> None:
    """End every child but one, and what each of them leaves behind."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    while pids := {int(pid) for pid in children.read_text().split()} - {spared}:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def redirect_output() -> None:
    """What pytest prints is of interest only when something is wrong."""
    target = os.open(OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(target, 1)
    os.dup2(target, 2)


def judge(run: Run, asked: Asked) -> dict[str, Any]:
    """What became of a mutant; a test that noticed it is asked earlier from now on."""
    test = run.told.get("test", "") if run.status != 0 else ""
    asked.kills[test] += bool(test)
    is_late = run.status is None or run.status == -signal.SIGPROF
    outcome = "late" if is_late else "killed" if run.status else "survived"
    return {"outcome": outcome, "by": test, "seconds": round(run.seconds, 2)}
