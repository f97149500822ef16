"""Tries the mutants of one module that no earlier run has tried, in a copy of the sources."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.mutants.drawing import Mutant, apply_mutant, draw_mutants, show_change
from tests.mutants.session import Result, Session, open_session
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


class BaselineFailed(Exception):
    """The tests fail without any mutant, so they could tell nothing."""


def try_module(module: str, sample: int | None, seed: int) -> list[Result]:
    """What became of each of its mutants. Raises BaselineFailed, LookupError."""
    source = (ROOT / module).read_text()
    session = open_session(module)
    mutants = draw_mutants(source, sample, seed)
    left = [mutant for mutant in mutants if mutant.key not in session.results]
    if left:
        with tempfile.TemporaryDirectory(prefix="filesvc-mutants-") as folder:
            try_mutants(make_copy(Path(folder) / "copy"), source, left, session)
    return [session.results[mutant.key] for mutant in mutants]


def make_copy(folder: Path) -> Path:
    """The sources as they are, to be changed freely."""
    ignored = shutil.ignore_patterns("__pycache__")
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


def try_mutants(copy: Path, source: str, mutants: list[Mutant], session: Session) -> None:
    """One after the other, each result kept at once."""
    with warm_process(copy, session.module) as warm:
        for mutant in mutants:
            changed = apply_mutant(source, mutant)
            place = {"start": mutant.start, "end": mutant.end}
            answer = ask(warm, {"source": changed, **place})
            told = {name: answer[name] for name in ("outcome", "by", "seconds")}
            session.add(Result(key=mutant.key, diff=show_change(source, changed), **told))


@contextmanager
def warm_process(copy: Path, module: str) -> Iterator[subprocess.Popen[str]]:
    """It ends when nobody asks any more."""
    command = [sys.executable, "-m", "tests.mutants.warm", module, *find_tests(module)]
    with (copy / "errors.txt").open("w+") as errors:
        warm = subprocess.Popen(
            command,
            cwd=copy,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            with warm:
                yield warm
        except (BrokenPipeError, json.JSONDecodeError):
            errors.seek(0)
            raise BaselineFailed(f"{module}: {errors.read()[-3000:]}") from None


def ask(warm: subprocess.Popen[str], request: dict[str, Any]) -> dict[str, Any]:
    """One line each way."""
    assert warm.stdin
    assert warm.stdout
    warm.stdin.write(json.dumps(request) + "\n")
    warm.stdin.flush()
    told: dict[str, Any] = json.loads(warm.stdout.readline())
    return told


def environment() -> dict[str, str]:
    """Ours, without what an outer pytest left; the quicker database will do for the gates."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "COV_", "COVERAGE_"))
    }
    return kept | {"TEST_DATABASE": "sqlite"}
