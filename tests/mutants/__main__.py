"""`make mutants`: changes `security/` and `errors/` in small ways, counts what tests notice.

    python -m tests.mutants [--sample N] [--seed S] [--changed] [module ...]

Each module is tried against its own tests, in a copy of the sources. What was found out stays
in `var/mutants/`: a run that was broken off goes on there, and a module is tried anew when it
or its tests changed. Survivors are written to `var/mutants/survivors.md`; those that
`survivors.json` explains count as noticed, because nobody could notice them. The run fails
when less than 90 % were noticed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tests.mutants.session import FOLDER, Outcome, count
from tests.mutants.tests_of import FLOORS, ROOT, list_modules
from tests.mutants.trying import BaselineFailed, try_module

LEAST_PERCENT = 90.0
AT_A_TIME = 2
MAIN = ("origin/main", "main")
EXPLAINED = Path(__file__).parent / "survivors.json"
TOLD = FOLDER / "survivors.md"


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


def write_survivors(outcomes: list[Outcome]) -> None:
    """What no test noticed, to be looked at."""
    TOLD.parent.mkdir(parents=True, exist_ok=True)
    lines = []
    for outcome in sorted(outcomes, key=lambda outcome: outcome.module):
        lines += [f"## {outcome.module}: {len(outcome.survivors)} of {outcome.tried}", ""]
        lines += [f"```diff\n{diff}\n```\n" for diff in outcome.survivors]
    TOLD.write_text("\n".join(lines) + "\n")


def percent_of(outcomes: list[Outcome]) -> float:
    """Of what was tried, how much was noticed or could not be."""
    tried = sum(outcome.tried for outcome in outcomes)
    noticed = sum(outcome.killed + outcome.explained for outcome in outcomes)
    return 100 * noticed / tried if tried else 100.0


def try_one(module: str, sample: int | None, seed: int) -> Outcome:
    """A module whose tests fail by themselves has no score, and stops no other one."""
    try:
        results = try_module(module, sample, seed)
    except BaselineFailed as failed:
        return Outcome(module, fault=str(failed))
    return count(module, results, json.loads(EXPLAINED.read_text()))


def run(modules: list[str], sample: int | None, seed: int) -> Iterator[Outcome]:
    """Two modules at a time, the longest first, so that none is waited for alone."""
    longest = sorted(modules, key=lambda module: -(ROOT / module).stat().st_size)
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        tried = [pool.submit(try_one, module, sample, seed) for module in longest]
        for future in as_completed(tried):
            yield future.result()


def describe(outcome: Outcome) -> str:
    """The line of a module."""
    if outcome.fault:
        return f"its tests fail without a mutant: {outcome.module}\n{outcome.fault}\n"
    noticed = outcome.killed + outcome.explained
    return f"{noticed:5} of {outcome.tried:5} noticed  {outcome.module}\n"


def main() -> None:
    """The arguments, the run, the score."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*")
    parser.add_argument("--sample", type=int, help="so many mutants of each module")
    parser.add_argument("--seed", type=int, default=1, help="which ones are drawn")
    parser.add_argument("--changed", action="store_true", help="only what differs from main")
    told = parser.parse_args()
    modules = find_changed() if told.changed else told.modules or list_modules()
    outcomes: list[Outcome] = []
    for outcome in run(modules, told.sample, told.seed):
        outcomes.append(outcome)
        sys.stdout.write(describe(outcome))
        sys.stdout.flush()
        write_survivors(outcomes)
    percent = percent_of(outcomes)
    sys.stdout.write(
        f"{percent:.1f} % of {sum(outcome.tried for outcome in outcomes)} mutants in"
        f" {len(outcomes)} modules were noticed (at least {LEAST_PERCENT:g} %):"
        f" {sum(outcome.killed for outcome in outcomes)} by a test,"
        f" {sum(outcome.explained for outcome in outcomes)} could not be;"
        f" the others: {TOLD.relative_to(ROOT)}\n"
    )
    raise SystemExit(percent < LEAST_PERCENT or any(outcome.fault for outcome in outcomes))


if __name__ == "__main__":
    main()
