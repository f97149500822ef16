"""Each guard that is taken away turns its test red: a proof of the proofs.

The sources are copied, one of them is changed in the copy, and the test named for it runs there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack import ROOT
from tests.weakened.weakenings import FINDINGS, GUARDS, Weakening

COPIED = ("config", "filesvc", "security", "errors", "tests", "docker")
FILES = ("manage.py", "pyproject.toml", "CHANGELOG.md", "README.md", "ARCHITECTURE.md")
RUN_SECONDS = 300


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources, once for all of them."""
    target = tmp_path_factory.mktemp("copy")
    for name in COPIED:
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, target / name)
    (target / ".venv").symlink_to(ROOT / ".venv")
    return target


def run_test(copy: Path, weakening: Weakening) -> subprocess.CompletedProcess[str]:
    """The test alone, with servers of its own."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "COV_", "COVERAGE_", "TEST_DATABASE"))
    }
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:cov"]
    return subprocess.run(
        [*command, "--hypothesis-profile=ci", weakening.test],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
    )


@pytest.mark.weakened
@pytest.mark.parametrize("weakening", [*FINDINGS, *GUARDS], ids=lambda each: each.name)
def test_a_guard_that_is_taken_away_is_missed(copy: Path, weakening: Weakening) -> None:
    path = copy / weakening.file
    whole = path.read_text()
    assert whole.count(weakening.old) == 1, "the guard is not where the table says"
    path.write_text(whole.replace(weakening.old, weakening.new))
    try:
        run = run_test(copy, weakening)
    finally:
        path.write_text(whole)

    assert run.returncode == 1, run.stdout[-3000:] + run.stderr[-1000:]
    assert " failed" in run.stdout.splitlines()[-1], run.stdout[-3000:]


@pytest.mark.weakened
def test_the_guards_are_named_once_each() -> None:
    names = [each.name for each in (*FINDINGS, *GUARDS)]

    assert len(set(names)) == len(names)
    assert len(GUARDS) >= 10


@pytest.mark.parametrize("weakening", [*FINDINGS, *GUARDS], ids=lambda each: each.name)
def test_each_guard_is_where_the_table_says(weakening: Weakening) -> None:
    path, _, name = weakening.test.partition("::")

    assert (ROOT / weakening.file).read_text().count(weakening.old) == 1
    assert name.partition("[")[0] in (ROOT / path).read_text()
