"""How many system calls one upload costs the web processes, and which ones.

    python -m tests.load.system_calls [--seconds 4] [--sizes 1k,10m] [--csv FILE]

strace is attached to all threads of the web processes for as long as the load lasts, and slows
them down: what counts here is the number of calls, never the time they take.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests import stack
from tests.load.alone import running_both
from tests.load.bench import CONNECTIONS, FEW, SIZES
from tests.load.figures import Line, print_table, write_csv
from tests.load.generator import send_uploads
from tests.load.targets import Target

# % time, seconds, usecs/call, calls, errors or nothing, name
COUNTED = re.compile(
    r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(?P<calls>\d+)\s+(?:\d+\s+)?(?P<name>[a-z_0-9]+)$"
)
END_SECONDS, SHOWN, COLUMN = 20, 6, "for one upload"


def main() -> None:
    """Print a line for each target and size, and keep every call."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=4)
    arguments.add_argument("--sizes", default="1k,10m")
    arguments.add_argument("--csv", help="keep the lines there")
    asked = arguments.parse_args()
    with running_both() as targets:
        found = [
            measure(target, size, asked.seconds)
            for size in asked.sizes.split(",")
            for target in targets
        ]
    write_csv(asked.csv, [line for lines in found for line in lines])
    print_table([summarize(lines) for lines in found])


def measure(target: Target, size: str, seconds: float) -> list[Line]:
    """Calls of each name for one upload, the most frequent first."""
    send_uploads(target, SIZES["1k"], FEW, 1)
    target.clean()
    log = stack.RUN_DIR / "strace.txt"
    with attached(target.pids, log):
        turn = send_uploads(target, SIZES[size], CONNECTIONS.get(size, FEW), seconds)
    assert turn.not_2xx == turn.socket_errors == 0, (target.name, size, turn)
    uploads = target.count()
    assert uploads >= turn.requests > 0, (target.name, size, uploads, turn)
    target.clean()
    counted = count_calls(log.read_text())
    return [
        {"size": size, "target": target.name, "call": name, COLUMN: calls / uploads}
        for name, calls in counted.most_common()
    ]


@contextlib.contextmanager
def attached(pids: list[int], log: Path) -> Iterator[None]:
    """strace counts what these processes call; it is killed when it does not end by itself."""
    binary = shutil.which("strace")
    assert binary, "strace is missing"
    command = [binary, "-c", "-f", "-o", str(log)]
    for pid in pids:
        command += ["-p", str(pid)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        assert process.stderr
        assert b"attached" in process.stderr.readline()
        yield
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def count_calls(summary: str) -> Counter[str]:
    """The calls of each name in what `strace -c` wrote."""
    counted: Counter[str] = Counter()
    for line in summary.splitlines():
        if (match := COUNTED.match(line)) and match["name"] != "total":
            counted[match["name"]] += int(match["calls"])
    assert counted, f"strace counted nothing: {summary[-200:]}"
    return counted


def summarize(lines: list[Line]) -> Line:
    """All calls of one target and size together, and the most frequent ones by name.

    `futex` is told apart: threads that wait for each other, above all for the interpreter.
    """
    counts = {str(line["call"]): float(line[COLUMN]) for line in lines}
    waits, total = counts.pop("futex", 0.0), sum(counts.values())
    told: Line = {"size": lines[0]["size"], "target": lines[0]["target"]}
    told |= {"all but futex": total, "futex": waits}
    frequent = sorted(counts, key=lambda name: -counts[name])[:SHOWN]
    return told | {"most frequent": ", ".join(f"{name} {counts[name]:.0f}" for name in frequent)}


if __name__ == "__main__":
    main()
