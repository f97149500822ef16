"""What one upload costs, by program: milliseconds of processor time, and system calls.

    python -m tests.load.cost [--seconds 5] [--sizes 1k,10m]

Times are the kernel's own (utime and stime of every process), so they hold on a busy machine
better than rates do.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests import stack
from tests.load.bench import CONNECTIONS, FEW, SIZES
from tests.load.generator import send_uploads
from tests.load.targets import Target, running_backends, running_baseline, running_service
from tests.process_tree import children_of

TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print a table for each size."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=5)
    arguments.add_argument("--sizes", default="1k,100k,1m,10m")
    asked = arguments.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="filesvc-load-", dir="/var/tmp") as folder,
        running_backends(),
        running_baseline(Path(folder)) as baseline,
        running_service(Path(folder)) as service,
    ):
        print("| size | who | web | clamd | PostgreSQL | Redis | all | requests/s |")
        print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
        for size in asked.sizes.split(","):
            for target in (baseline, service):
                print(cost_of(target, size, asked.seconds), flush=True)


def cost_of(target: Target, size: str, seconds: float) -> str:
    """One row: processor milliseconds of each program for one upload of this size."""
    send_uploads(target, SIZES["1k"], FEW, 1)
    target.clean()
    before = seconds_used(target)
    turn = send_uploads(target, SIZES[size], CONNECTIONS.get(size, FEW), seconds)
    after = seconds_used(target)
    uploads = target.count()
    target.clean()
    costs = [1000 * (after[name] - before[name]) / uploads for name in before]
    told = " | ".join(f"{cost:.2f}" for cost in (*costs, sum(costs)))
    return f"| {size} | {target.name} | {told} | {turn.rate:.0f} |"


def seconds_used(target: Target) -> dict[str, float]:
    """Processor time of each program so far."""
    servers = {name: server.process for name, server in stack.SERVERS.items()}
    groups = {"web": target.pids} | {
        name: [process.pid, *children_of(process.pid)]
        for name in ("clamd", "postgresql", "redis")
        if (process := servers[name])
    }
    return {name: sum_seconds(pids) for name, pids in groups.items()}


def sum_seconds(pids: Iterable[int]) -> float:
    """User and system time of these processes, with that of their children that have ended."""
    total = 0
    for pid in pids:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += sum(int(word) for word in words[11:15])
    return total / TICKS


if __name__ == "__main__":
    main()
