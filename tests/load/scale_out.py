"""Where more processes stop to help: web 1, 2, 4; worker 1, 2, 4; two web servers behind one nginx.

    python -m tests.load.scale_out [--seconds 5] [--rounds 2] [--csv FILE]

Everything shares the processors of this machine with the load. Each arrangement is measured from
empty tables; every success is a row, every file of the worker's part is processed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
from collections.abc import Iterator
from dataclasses import replace

from tests.load.alone import BEHIND_EDGE, behind_edge, prepared, running_celery
from tests.load.bench import FEW, SIZES, take_turn
from tests.load.figures import Line, print_table, write_csv
from tests.load.generator import Turn, send_uploads
from tests.load.processing_delay import processing_rate
from tests.load.targets import Target, running_service, serving

COUNTS, ASKED_SIZES, QUEUE_SECONDS = (1, 2, 4), ("1k", "1m"), 4


def main() -> None:
    """Print and keep a line for each arrangement."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=5)
    arguments.add_argument("--rounds", type=int, default=2)
    arguments.add_argument("--csv", help="keep the lines there")
    asked = arguments.parse_args()
    lines: list[Line] = []
    with prepared() as folder:
        for processes in COUNTS:
            with running_service(folder, WEB_WORKERS=str(processes)) as service:
                lines += measure_web(f"{processes} web processes", service, asked)
        with running_service(folder) as service:
            lines += [measure_worker(service, processes, asked.rounds) for processes in COUNTS]
        for servers in (1, 2):
            told = {"WEB_WORKERS": str(2 // servers), **BEHIND_EDGE}
            with running_service(folder, **told) as service, fronted(service, servers) as target:
                name = f"nginx before {servers} servers, {2 // servers} processes each"
                lines += measure_web(name, target, asked)
    print(f"{os.cpu_count()} processors\n")
    write_csv(asked.csv, lines)
    print_table(lines)


@contextlib.contextmanager
def fronted(service: Target, servers: int) -> Iterator[Target]:
    """nginx before so many servers of the same database and store."""
    with contextlib.ExitStack() as opened:
        ports = [
            opened.enter_context(serving("config.wsgi:application", service.told))[0]
            for _ in range(servers - 1)
        ]
        edge_port = opened.enter_context(behind_edge(service, *ports))
        yield replace(service, port=edge_port)


def measure_web(name: str, target: Target, asked: argparse.Namespace) -> list[Line]:
    """A line for each size of the file."""
    send_uploads(target, SIZES["1k"], FEW, 2)  # first requests load libraries
    lines = []
    for size in ASKED_SIZES:
        turns = [take_turn(target, size, asked.seconds) for _ in range(asked.rounds)]
        lines.append(describe(name, f"uploads, {size}", turns))
    return lines


def describe(name: str, what: str, turns: list[Turn]) -> Line:
    """Medians over the rounds."""
    rate, p95 = (
        float(statistics.median(getattr(turn, field) for turn in turns))
        for field in ("rate", "p95_ms")
    )
    return {"arrangement": name, "what": what, "per second": rate, "p95 ms": f"{p95:.0f}"}


def measure_worker(service: Target, processes: int, rounds: int) -> Line:
    """Small texts a second with so many worker processes, from a filled queue."""
    rates = []
    for _ in range(rounds):
        service.clean()
        send_uploads(service, SIZES["1k"], FEW, QUEUE_SECONDS)
        with running_celery(service, processes):
            rates.append(processing_rate(service))
    service.clean()
    name = f"{processes} worker processes"
    told: Line = {"arrangement": name, "what": "files processed, 1k"}
    return told | {"per second": statistics.median(rates), "p95 ms": ""}


if __name__ == "__main__":
    main()
