"""What an upload through nginx costs against one sent to the service directly, by turns.

    python -m tests.load.edge_cost [--seconds 5] [--rounds 3] [--sizes 1k,1m,10m] [--csv FILE]
    python -m tests.load.edge_cost --url http://127.0.0.1:8080 --token TOKEN [--sizes 1k,1m]

Without a URL it starts the service, and nginx with the product's own template before it. With one
it sends the same load to whatever runs there (Compose, say), whose limits must be set high enough
that nothing is refused: UPLOAD_RATE, ADDRESS_RATE, MAX_INFLIGHT_UPLOADS, MAX_BACKLOG_FILES,
QUOTA_*; a refusal ends the run.
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import replace

from tests.load.alone import BEHIND_EDGE, behind_edge, running_alone
from tests.load.bench import CONNECTIONS, FEW, SIZES, take_turn
from tests.load.figures import Line, print_table, write_csv
from tests.load.generator import SCRIPT, Turn, run_wrk, send_uploads

Turns = dict[str, list[Turn]]


def main() -> None:
    """Print and keep a line for each size and each way."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=5)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--sizes", default="1k,1m,10m")
    arguments.add_argument("--url", help="measure what runs there instead")
    arguments.add_argument("--token", default="", help="a token of that service")
    arguments.add_argument("--csv", help="keep the lines there")
    asked = arguments.parse_args()
    sizes = asked.sizes.split(",")
    lines = measure_there(asked, sizes) if asked.url else measure_here(asked, sizes)
    write_csv(asked.csv, lines)
    print_table(lines)


def measure_here(asked: argparse.Namespace, sizes: list[str]) -> list[Line]:
    """A service of our own: directly and through nginx by turns."""
    lines: list[Line] = []
    with running_alone(**BEHIND_EDGE) as service, behind_edge(service) as edge_port:
        ways = {"direct": service, "nginx": replace(service, port=edge_port)}
        for target in ways.values():  # first requests load libraries
            send_uploads(target, SIZES["1k"], FEW, 2)
        for size in sizes:
            turns: Turns = {way: [] for way in ways}
            for number in range(asked.rounds):
                for way in ways if number % 2 else reversed(ways):
                    turns[way].append(take_turn(ways[way], size, asked.seconds))
            lines += [describe(size, way, taken) for way, taken in turns.items()]
    return lines


def measure_there(asked: argparse.Namespace, sizes: list[str]) -> list[Line]:
    """What runs at that URL: the same load, every answer a success."""
    lines: list[Line] = []
    for size in sizes:
        told = {"BODY_BYTES": str(SIZES[size]), "TOKEN": asked.token}
        url, connections = f"{asked.url.rstrip('/')}/upload/", CONNECTIONS.get(size, FEW)
        turns = [
            Turn(**run_wrk(url, connections, asked.seconds, SCRIPT, told))
            for _ in range(asked.rounds)
        ]
        for turn in turns:
            assert turn.not_2xx == turn.socket_errors == 0, f"{size}: {turn}; are its limits high?"
        lines.append(describe(size, asked.url, turns))
    return lines


def describe(size: str, way: str, turns: list[Turn]) -> Line:
    """One line: medians over the rounds."""
    names = ("rate", "p50_ms", "p95_ms", "p99_ms")
    rate, *times = (
        float(statistics.median(getattr(turn, name) for turn in turns)) for name in names
    )
    told = dict(zip(("p50 ms", "p95 ms", "p99 ms"), times, strict=True))
    return {"size": size, "way": way, "uploads/s": rate, **told}


if __name__ == "__main__":
    main()
