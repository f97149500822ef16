"""One module's mutants: drawn, tried one after the other in a copy of the sources, and counted."""

from __future__ import annotations

import ast
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import WorkerOutcome, WorkItem, WorkResult

from tests.mutants.tests_of import ROOT, find_tests

COPIED = ("config", "filesvc", "security", "errors", "tests", "docker")
FILES = (
    "manage.py",
    "pyproject.toml",
    "CHANGELOG.md",
    "README.md",
    "ARCHITECTURE.md",
    ".env.example",
)
LEAST_SECONDS, TIMES_BASELINE = 30.0, 4
BASELINE_SECONDS = 600
CONFIG = """[cosmic-ray]
module-path = "{module}"
timeout = {timeout}
excluded-modules = []
test-command = "{command}"

[cosmic-ray.distributor]
name = "local"
"""
Span = tuple[tuple[int, int], tuple[int, int]]


@dataclass
class Outcome:
    """What became of the mutants of one module."""

    module: str
    killed: int = 0
    # What was changed in each mutant that no test noticed, as a diff of its lines.
    survivors: list[str] = field(default_factory=list)

    @property
    def tried(self) -> int:
        return self.killed + len(self.survivors)


class BaselineFailed(Exception):
    """The tests fail without any mutant, so they could tell nothing."""


def make_copy(folder: Path) -> Path:
    """The sources as they are, to be changed freely."""
    ignored = shutil.ignore_patterns("__pycache__")
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


def try_module(copy: Path, module: str, sample: int | None, seed: int) -> Outcome:
    """Raises BaselineFailed, LookupError."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:cov"]
    command += ["-p", "no:randomly", "--hypothesis-profile=ci", *find_tests(module)]
    seconds = measure_baseline(copy, module, command)
    config, session = copy / "mutants.toml", copy / "mutants.sqlite"
    session.unlink(missing_ok=True)
    timeout = max(LEAST_SECONDS, TIMES_BASELINE * seconds)
    config.write_text(CONFIG.format(module=module, timeout=timeout, command=" ".join(command)))
    cosmic_ray(copy, "init", str(config), str(session))
    draw(session, copy / module, sample, seed)
    cosmic_ray(copy, "exec", str(config), str(session))
    return count(module, copy, session)


def measure_baseline(copy: Path, module: str, command: list[str]) -> float:
    """Seconds that the tests take when nothing is changed."""
    started = time.monotonic()
    run = subprocess.run(
        command,
        cwd=copy,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=BASELINE_SECONDS,
    )
    if run.returncode:
        raise BaselineFailed(f"{module}: {run.stdout[-2000:]}{run.stderr[-500:]}")
    return time.monotonic() - started


def environment() -> dict[str, str]:
    """Ours, without what an outer pytest left; the quicker database will do for the gates."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "COV_", "COVERAGE_"))
    }
    return kept | {"TEST_DATABASE": "sqlite"}


def cosmic_ray(copy: Path, *arguments: str) -> str:
    """Raises CalledProcessError with what it printed."""
    program = str(Path(sys.executable).parent / "cosmic-ray")
    return subprocess.run(
        [program, *arguments],
        cwd=copy,
        env=environment(),
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def draw(session: Path, source: Path, sample: int | None, seed: int) -> None:
    """Leave out what changes nothing that runs, and of the rest what was not drawn."""
    idle = list(find_idle_spans(ast.parse(source.read_text())))
    with use_db(str(session), WorkDB.Mode.open) as work:
        items = sorted(work.pending_work_items, key=place_of)
        telling = [item for item in items if not any(is_inside(item, span) for span in idle)]
        if sample is not None and sample < len(telling):
            telling = random.Random(seed).sample(telling, sample)  # noqa: S311 - to be repeated
        drawn = {item.job_id for item in telling}
        skipped = WorkResult(worker_outcome=WorkerOutcome.SKIPPED, output="not drawn")
        for item in items:
            if item.job_id not in drawn:
                work.set_result(item.job_id, skipped)


def place_of(item: WorkItem) -> tuple[tuple[int, int], str, int]:
    """An order that is the same each time."""
    mutation = item.mutations[0]
    return mutation.start_pos, mutation.operator_name, mutation.occurrence


def is_inside(item: WorkItem, span: Span) -> bool:
    """True for a change within those lines and columns."""
    mutation = item.mutations[0]
    return bool(span[0] <= mutation.start_pos and mutation.end_pos <= span[1])


def find_idle_spans(tree: ast.Module) -> Iterator[Span]:
    """Annotations: nothing evaluates them (`from __future__ import annotations`)."""
    for node in ast.walk(tree):
        for told in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if isinstance(told, ast.expr):
                end = (told.end_lineno or told.lineno, told.end_col_offset or 0)
                yield (told.lineno, told.col_offset), end


def count(module: str, copy: Path, session: Path) -> Outcome:
    """Killed is what a test, or the clock, noticed; the others are shown."""
    outcome = Outcome(module)
    for line in cosmic_ray(copy, "dump", str(session)).splitlines():
        _, result = json.loads(line)
        if result is None or result["worker_outcome"] == WorkerOutcome.SKIPPED:
            continue
        if result["test_outcome"] == "survived":
            outcome.survivors.append(short(result["diff"]))
        else:
            outcome.killed += 1
    return outcome


def short(diff: str) -> str:
    """The changed lines of a diff, without its context."""
    lines = [
        line.rstrip() for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in HEADS
    ]
    return "\n".join(lines)


HEADS = ("---", "+++")
