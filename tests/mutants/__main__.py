"""`make mutants`: changes `security/` and `errors/` in small ways, counts what tests notice.

    python -m tests.mutants [--sample N] [--seed S] [--changed] [module ...]

Each module is tried against its own tests, in a copy of the sources. Survivors are written to
`var/mutants/survivors.md`; those that `survivors.json` explains count as noticed, because nobody
could notice them. The run fails when less than 90 % were noticed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutants.session import Outcome, make_copy, try_module
from tests.mutants.tests_of import FLOORS, ROOT, list_modules

LEAST_PERCENT = 90.0
AT_A_TIME = 2
MAIN = ("origin/main", "main")
EXPLAINED = Path(__file__).parent / "survivors.json"
TOLD = ROOT / "var" / "mutants" / "survivors.md"


def find_changed() -> list[str]:
    """The modules that differ from the main branch, whether committed or not."""
    for base in MAIN:
        command = ["git", "diff", "--name-only", "--diff-filter=d", f"{base}...HEAD", "--", *FLOORS]
        told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if told.returncode == 0:
            break
    command = ["git", "status", "--porcelain", "--", *FLOORS]
    loose = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = set(told.stdout.split()) | {line[3:] for line in loose.splitlines()}
    return [module for module in list_modules() if module in names]


def explain(outcome: Outcome, explained: dict[str, dict[str, str]]) -> list[str]:
    """The survivors nobody has explained; the others count as noticed."""
    reasons = explained.get(outcome.module, {})
    left = [diff for diff in outcome.survivors if diff not in reasons]
    outcome.killed += len(outcome.survivors) - len(left)
    return left


def write_survivors(outcomes: list[Outcome]) -> None:
    """What no test noticed, to be looked at."""
    TOLD.parent.mkdir(parents=True, exist_ok=True)
    lines = []
    for outcome in outcomes:
        lines += [f"## {outcome.module}: {len(outcome.survivors)} of {outcome.tried}", ""]
        lines += [f"```diff\n{diff}\n```\n" for diff in outcome.survivors]
    TOLD.write_text("\n".join(lines) + "\n")


def percent_of(outcomes: list[Outcome]) -> float:
    """Of what was tried, how much was noticed."""
    tried = sum(outcome.tried for outcome in outcomes)
    return 100 * sum(outcome.killed for outcome in outcomes) / tried if tried else 100.0


def run(modules: list[str], sample: int | None, seed: int) -> list[Outcome]:
    """Two modules at a time, each in a copy of its own and with its line at the end."""
    explained = json.loads(EXPLAINED.read_text())
    outcomes: list[Outcome] = []

    def try_one(module: str) -> Outcome:
        with tempfile.TemporaryDirectory(prefix="filesvc-mutants-") as folder:
            return try_module(make_copy(Path(folder) / "copy"), module, sample, seed)

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for outcome in pool.map(try_one, modules):
            outcome.survivors = explain(outcome, explained)
            outcomes.append(outcome)
            sys.stdout.write(f"{outcome.killed:5} of {outcome.tried:5} noticed  {outcome.module}\n")
            sys.stdout.flush()
            write_survivors(outcomes)
    return outcomes


def main() -> None:
    """The arguments, the run, the score."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*")
    parser.add_argument("--sample", type=int, help="so many mutants of each module")
    parser.add_argument("--seed", type=int, default=1, help="which ones are drawn")
    parser.add_argument("--changed", action="store_true", help="only what differs from main")
    told = parser.parse_args()
    modules = find_changed() if told.changed else told.modules or list_modules()
    outcomes = run(modules, told.sample, told.seed)
    percent = percent_of(outcomes)
    tried = sum(outcome.tried for outcome in outcomes)
    sys.stdout.write(
        f"{percent:.1f} % of {tried} mutants in {len(outcomes)} modules were noticed"
        f" (at least {LEAST_PERCENT:g} %); the others: {TOLD.relative_to(ROOT)}\n"
    )
    raise SystemExit(percent < LEAST_PERCENT)


if __name__ == "__main__":
    main()
