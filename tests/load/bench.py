"""`make bench`: the service and the plain solution, in turns on one machine, as a ratio.

    python -m tests.load.bench [--rounds 5] [--seconds 6] [--sizes 1k,100k,1m,10m,100m] [--csv FILE]

Both are served by the same granian with the same PostgreSQL, Redis and clamd at hand. Every
turn starts with empty tables and an empty store; the order changes from round to round; a turn
in which anything but success came back ends the run.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import sys
from collections import defaultdict
from pathlib import Path

from tests.load.alone import running_both
from tests.load.generator import Turn, send_uploads
from tests.load.targets import Target

SIZES = {"1k": 1000, "100k": 100_000, "1m": 1_000_000, "10m": 10_000_000, "100m": 100_000_000}
# So large a body fills memory and disk of the generator's machine: few at a time, few rounds.
CONNECTIONS, ROUNDS, TIMES_AS_LONG = {"100m": 2}, {"100m": 2}, {"100m": 2}
FEW, FIELDS = 8, ("requests", "seconds", "p50_ms", "p95_ms", "p99_ms")
Turns = dict[tuple[str, str], list[Turn]]


def main() -> None:
    """Measure, keep every turn as CSV, print medians and ratios."""
    asked = read_arguments()
    with running_both() as targets:
        turns = measure([*targets], asked.sizes.split(","), asked.rounds, asked.seconds)
    if asked.csv:
        write_csv(Path(asked.csv), turns)
    print_table(turns)
    if asked.at_least:
        check_ratios(turns, asked.at_least)


def read_arguments() -> argparse.Namespace:
    """What is to be measured."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=float, default=6)
    arguments.add_argument("--sizes", default="1k,100k,1m,10m,100m")
    arguments.add_argument("--csv", help="keep every turn there")
    arguments.add_argument("--at-least", type=float, help="end with 1 when a ratio is below")
    return arguments.parse_args()


def measure(targets: list[Target], sizes: list[str], rounds: int, seconds: float) -> Turns:
    """Every size in every round, the targets by turns."""
    turns: Turns = defaultdict(list)
    for target in targets:  # first requests load libraries
        send_uploads(target, SIZES["1k"], FEW, 2)
    for number in range(rounds):
        for size in [size for size in sizes if number < ROUNDS.get(size, rounds)]:
            for target in targets if number % 2 else reversed(targets):
                turns[target.name, size].append(take_turn(target, size, seconds))
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
    return turns


def take_turn(target: Target, size: str, seconds: float) -> Turn:
    """One turn, checked: whatever was answered with success is a row."""
    target.clean()
    seconds *= TIMES_AS_LONG.get(size, 1)
    turn = send_uploads(target, SIZES[size], CONNECTIONS.get(size, FEW), seconds)
    assert turn.requests > 0, (target.name, size)
    assert turn.not_2xx == turn.socket_errors == 0, (target.name, size, turn)
    assert target.count() >= turn.requests, (target.name, size, target.count(), turn)
    target.clean()
    return turn


def median(turns: list[Turn], name: str) -> float:
    """The middle one of a figure over the rounds."""
    return float(statistics.median(getattr(turn, name) for turn in turns))


def ratios_of(turns: Turns, size: str) -> list[float]:
    """Service by baseline, round by round: what disturbed a round disturbed both."""
    pairs = zip(turns["service", size], turns["baseline", size], strict=True)
    return [service.rate / baseline.rate for service, baseline in pairs]


def print_table(turns: Turns) -> None:
    """Medians for each size, and the ratio."""
    print("| size | plain /s | service /s | ratio | p50 ms | p95 ms | p99 ms |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for size in dict.fromkeys(size for _, size in turns):
        plain, service = turns["baseline", size], turns["service", size]
        ratio = statistics.median(ratios_of(turns, size))
        latencies = " | ".join(
            f"{median(plain, name):.0f} / {median(service, name):.0f}"
            for name in ("p50_ms", "p95_ms", "p99_ms")
        )
        rates = f"{median(plain, 'rate'):.1f} | {median(service, 'rate'):.1f}"
        print(f"| {size} | {rates} | **{ratio:.2f}** | {latencies} |")


def write_csv(path: Path, turns: Turns) -> None:
    """Every turn, one a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["target", "size", "round", *FIELDS])
        for (name, size), taken in turns.items():
            for number, turn in enumerate(taken, 1):
                lines.writerow([name, size, number, *(getattr(turn, field) for field in FIELDS)])


def check_ratios(turns: Turns, least: float) -> None:
    """The guard: a ratio that fell ends with 1."""
    sizes = dict.fromkeys(size for _, size in turns)
    low = {
        size: ratio
        for size in sizes
        if (ratio := statistics.median(ratios_of(turns, size))) < least
    }
    if low:
        raise SystemExit(f"below {least}: {low}")


if __name__ == "__main__":
    main()
