"""What was found out so far: a file for each module, so that a run that broke off goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.mutants.tests_of import ROOT, find_tests

FOLDER = ROOT / "var" / "mutants"


@dataclass(frozen=True)
class Result:
    """What became of one mutant: `killed` by a test, `late` (it ran in circles) or `survived`."""

    key: str
    diff: str
    outcome: str
    by: str
    seconds: float


@dataclass
class Outcome:
    """What became of the mutants of one module."""

    module: str
    killed: int = 0
    # Those that no test noticed, and nobody could: survivors.json says why.
    explained: int = 0
    # What was changed in each mutant that no test noticed, as a diff of its lines.
    survivors: list[str] = field(default_factory=list)
    fault: str = ""

    @property
    def tried(self) -> int:
        return self.killed + self.explained + len(self.survivors)


@dataclass
class Session:
    """The results of one module, as long as it and its tests stay as they are."""

    module: str
    digest: str
    path: Path
    results: dict[str, Result] = field(default_factory=dict)

    def add(self, result: Result) -> None:
        """Kept at once: the next moment may be the last one."""
        self.results[result.key] = result
        with self.path.open("a") as file:
            file.write(json.dumps(asdict(result)) + "\n")


def open_session(module: str, folder: Path = FOLDER, root: Path = ROOT) -> Session:
    """What an earlier run left, when it asked the same tests about the same module."""
    name = module.removesuffix(".py").replace("/", ".")
    session = Session(module, digest_of(module, root), folder / f"{name}.jsonl")
    lines = session.path.read_text().splitlines() if session.path.exists() else []
    if lines and json.loads(lines[0]) == session.digest:
        told = [Result(**json.loads(line)) for line in lines[1:] if is_whole(line)]
        session.results = {result.key: result for result in told}
    folder.mkdir(parents=True, exist_ok=True)
    kept = [json.dumps(asdict(result)) for result in session.results.values()]
    session.path.write_text("\n".join([json.dumps(session.digest), *kept]) + "\n")
    return session


def is_whole(line: str) -> bool:
    """False for the line at which a run was broken off."""
    return line.endswith("}")


def digest_of(module: str, root: Path = ROOT) -> str:
    """Of the module, the tests that are asked, and what these share."""
    tests = find_tests(module, root)
    parents = {parent for test in tests for parent in Path(test).parents}
    shared = [str(parent / "conftest.py") for parent in sorted(parents)]
    told = hashlib.sha256()
    for name in [module, *tests, *(name for name in shared if (root / name).exists())]:
        content = (root / name).read_bytes()
        told.update(f"{name} {len(content)}\n".encode() + content)
    return told.hexdigest()


def count(module: str, results: Iterable[Result], explained: dict[str, dict[str, str]]) -> Outcome:
    """Killed is what a test, or the clock, noticed; what is explained nobody could notice."""
    outcome, reasons = Outcome(module), explained.get(module, {})
    for result in results:
        if result.outcome != "survived":
            outcome.killed += 1
        elif is_explained(result.diff, reasons):
            outcome.explained += 1
        else:
            outcome.survivors.append(result.diff)
    return outcome


def is_explained(diff: str, reasons: dict[str, str]) -> bool:
    """By its diff, or by the line that is changed when no change of it could be noticed."""
    return diff in reasons or diff.partition("\n+")[0] in reasons
