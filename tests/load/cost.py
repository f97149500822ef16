"""What one upload costs: milliseconds of processor time by program, and bytes written.

    python -m tests.load.cost [--seconds 5] [--sizes 1k,10m] [--csv FILE]

Times and bytes are the kernel's own (utime, stime and write_bytes of every process), so they hold
on a busy machine better than rates do.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterable
from pathlib import Path

from tests import stack
from tests.load.alone import running_both
from tests.load.bench import CONNECTIONS, FEW, SIZES
from tests.load.figures import Line, print_table, write_csv
from tests.load.generator import send_uploads
from tests.load.targets import Target
from tests.process_tree import children_of

TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print a table for each size."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=5)
    arguments.add_argument("--sizes", default="1k,100k,1m,10m")
    arguments.add_argument("--csv", help="keep the lines there")
    asked = arguments.parse_args()
    with running_both() as targets:
        lines = [
            cost_of(target, size, asked.seconds)
            for size in asked.sizes.split(",")
            for target in targets
        ]
    write_csv(asked.csv, lines)
    print_table(lines)


def cost_of(target: Target, size: str, seconds: float) -> Line:
    """One line: what each program spends on one upload of this size."""
    send_uploads(target, SIZES["1k"], FEW, 1)
    target.clean()
    groups = groups_of(target)
    before, written = {name: sum_seconds(groups[name]) for name in groups}, sum_written(groups)
    turn = send_uploads(target, SIZES[size], CONNECTIONS.get(size, FEW), seconds)
    after, uploads = {name: sum_seconds(groups[name]) for name in groups}, target.count()
    written = sum_written(groups) - written
    assert turn.not_2xx == turn.socket_errors == 0 < turn.requests <= uploads, (size, turn)
    target.clean()
    costs: Line = {f"{name} ms": 1000 * (after[name] - before[name]) / uploads for name in groups}
    total = 1000 * sum(after[name] - before[name] for name in groups) / uploads
    told: Line = {"size": size, "target": target.name, **costs, "all ms": total}
    return told | {"written KB": written / 1000 / uploads, "uploads/s": turn.rate}


def groups_of(target: Target) -> dict[str, list[int]]:
    """The processes of each program."""
    servers = {name: server.process for name, server in stack.SERVERS.items()}
    return {"web": target.pids} | {
        name: [process.pid, *children_of(process.pid)]
        for name in ("clamd", "postgresql", "redis")
        if (process := servers[name])
    }


def sum_written(groups: dict[str, list[int]]) -> int:
    """Bytes that all of them have given to the disk so far."""
    total = 0
    for pid in (pid for pids in groups.values() for pid in pids):
        match = re.search(r"(?m)^write_bytes: (\d+)$", Path(f"/proc/{pid}/io").read_text())
        total += int(match[1]) if match else 0
    return total


def sum_seconds(pids: Iterable[int]) -> float:
    """User and system time of these processes, with that of their children that have ended."""
    total = 0
    for pid in pids:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += sum(int(word) for word in words[11:15])
    return total / TICKS


if __name__ == "__main__":
    main()
