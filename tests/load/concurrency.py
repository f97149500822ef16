"""What 1 to 128 clients at a time get of the service and of the plain solution, by turns.

    python -m tests.load.concurrency [--seconds 4] [--rounds 1] [--csv FILE]

Each client sends one file after the other. The service takes as many at a time as it has places
and refuses the others with 503 and a time to wait, which these clients keep; times are those of
files that were taken. Whatever was answered with 201 is a row.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections import defaultdict
from dataclasses import dataclass

from tests import stack
from tests.load.alone import running_both
from tests.load.bench import SIZES
from tests.load.figures import Line, percentile, print_table, write_csv
from tests.load.generator import SCRIPT, run_wrk, send_uploads
from tests.load.targets import Target

LEVELS, ASKED_SIZES = (1, 2, 4, 8, 16, 32, 64, 128), ("1k", "1m")
PATIENT = stack.ROOT / "tests/load/patient.lua"


@dataclass(frozen=True)
class Answers:
    """What so many clients were answered in a turn: status, sent and answered (milliseconds)."""

    began_ms: float
    answers: list[tuple[int, float, float]]
    others: int

    def times(self, status: int) -> list[float]:
        """How long each such answer took, of those that came once every client was at work."""
        return [
            answered - sent
            for told, sent, answered in self.answers
            if told == status and answered > self.began_ms
        ]

    def rate(self, status: int) -> float:
        """Such answers a second while every client was at work."""
        last = max(answered for _, _, answered in self.answers)
        return 1000 * len(self.times(status)) / (last - self.began_ms)


def main() -> None:
    """Print and keep a line for each target, size and number of clients."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=4)
    arguments.add_argument("--rounds", type=int, default=1)
    arguments.add_argument("--csv", help="keep the lines there")
    asked = arguments.parse_args()
    with running_both() as targets:
        lines = measure([*targets], asked.rounds, asked.seconds)
    write_csv(asked.csv, lines)
    print_table([put_beside(*pair) for pair in pairs_of(lines)])


def measure(targets: list[Target], rounds: int, seconds: float) -> list[Line]:
    """Every number of clients in every round, the targets by turns."""
    turns: dict[tuple[str, str, int], list[Answers]] = defaultdict(list)
    for target in targets:  # first requests load libraries
        send_uploads(target, SIZES["1k"], 8, 2)
    for number in range(rounds):
        for size in ASKED_SIZES:
            for clients in LEVELS:
                for target in targets if number % 2 else reversed(targets):
                    turn = take_turn(target, size, clients, seconds)
                    turns[size, target.name, clients].append(turn)
                print(f"{size}, {clients} clients", file=sys.stderr)
    return [describe(*key, taken) for key, taken in sorted(turns.items())]


def take_turn(target: Target, size: str, clients: int, seconds: float) -> Answers:
    """One turn, checked."""
    target.clean()
    told = {"BODY_BYTES": str(SIZES[size]), "TOKEN": target.token}
    told |= {"UPLOAD_SCRIPT": str(SCRIPT), "THREADS": str(clients)}
    turn = Answers(**run_wrk(target.url, clients, seconds, PATIENT, told))
    rows = target.count()
    assert turn.others == 0, (target.name, size, clients, turn.others)
    # What was on its way when this turn or the one before ended may be a row as well.
    taken = sum(status == 201 for status, _, _ in turn.answers)
    assert taken <= rows <= taken + LEVELS[-1], (target.name, size, clients, taken, rows)
    target.clean()
    return turn


def describe(size: str, name: str, clients: int, turns: list[Answers]) -> Line:
    """One line: medians of the rates, percentiles over all rounds."""
    taken = [each for turn in turns for each in turn.times(201)]
    return {
        "size": size,
        "target": name,
        "clients": clients,
        "uploads/s": statistics.median(turn.rate(201) for turn in turns),
        "refused/s": statistics.median(turn.rate(503) for turn in turns),
        **{f"p{percent} ms": percentile(taken, percent) for percent in (50, 95, 99)},
    }


def pairs_of(lines: list[Line]) -> list[tuple[Line, Line]]:
    """The plain solution's line and the service's for each size and number of clients."""
    plain, service = (
        [line for line in lines if line["target"] == name] for name in ("baseline", "service")
    )
    return list(zip(plain, service, strict=True))


def put_beside(plain: Line, service: Line) -> Line:
    """Both as one line; times are plain / service."""
    assert all(plain[name] == service[name] for name in ("size", "clients"))
    told: Line = {"size": plain["size"], "clients": plain["clients"]}
    told |= {"plain/s": plain["uploads/s"], "filesvc/s": service["uploads/s"]}
    times = {
        name: f"{plain[name]:.0f} / {service[name]:.0f}" for name in ("p50 ms", "p95 ms", "p99 ms")
    }
    return told | {"refused/s": service["refused/s"]} | times


if __name__ == "__main__":
    main()
