"""How much memory web process, worker and clamd hold at most while files of one size pass.

    python -m tests.load.memory [--seconds 5] [--sizes 1k,1m,10m,100m] [--csv FILE]

The kernel's own peak of the resident size (VmHWM) is set back before each size; beside it stands
what each program holds for itself and its part of what it shares (PSS) when all is done. Of
several processes the largest counts. A 1 GiB upload is tests/system/test_memory.py.
"""

from __future__ import annotations

import argparse
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests import stack
from tests.load.alone import running_alone, running_celery, wait_processed
from tests.load.bench import CONNECTIONS, FEW, SIZES, TIMES_AS_LONG
from tests.load.figures import Line, print_table, write_csv
from tests.load.generator import send_uploads
from tests.load.targets import Target
from tests.process_tree import children_of, session_of

Groups = dict[str, list[int]]
RESET_PEAK, WAIT_SECONDS = "5", 180


def main() -> None:
    """Print and keep a line for each size."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=5)
    arguments.add_argument("--sizes", default="1k,1m,10m,100m")
    arguments.add_argument("--csv", help="keep the lines there")
    asked = arguments.parse_args()
    with running_alone() as service, running_celery(service) as worker:
        send_uploads(service, SIZES["1k"], FEW, 3)  # libraries and tables are loaded
        wait_processed(service, WAIT_SECONDS)
        lines = [measure(service, worker, size, asked.seconds) for size in asked.sizes.split(",")]
    write_csv(asked.csv, lines)
    print_table(lines)


def measure(service: Target, worker: subprocess.Popen[bytes], size: str, seconds: float) -> Line:
    """Files of this size for so long, until the last one is processed."""
    service.clean()
    for pid in everyone(groups_of(service, worker)):
        Path(f"/proc/{pid}/clear_refs").write_text(RESET_PEAK)
    seconds *= TIMES_AS_LONG.get(size, 1)
    turn = send_uploads(service, SIZES[size], CONNECTIONS.get(size, FEW), seconds)
    assert turn.not_2xx == turn.socket_errors == 0 < turn.requests, (size, turn)
    wait_processed(service, WAIT_SECONDS)
    line: Line = {"size": size, "files": service.count()}
    for name, pids in groups_of(service, worker).items():
        line[f"{name}: peak MiB"] = max(peak_mib(pid) for pid in pids)
        line[f"{name}: PSS MiB"] = max(shared_mib(pid) for pid in pids)
    return line


def groups_of(service: Target, worker: subprocess.Popen[bytes]) -> Groups:
    """The live processes of each program that touch a file."""
    clamd = stack.SERVERS["clamd"].process
    assert clamd
    return {
        "web": sorted(children_of(service.process.pid)),
        "worker": sorted(set(session_of(worker.pid)) & children_of(worker.pid)),
        "clamd": [clamd.pid],
    }


def everyone(groups: Groups) -> Iterable[int]:
    """All of them."""
    return (pid for pids in groups.values() for pid in pids)


def peak_mib(pid: int) -> float:
    """The largest resident size since it was set back."""
    return read_kib(Path(f"/proc/{pid}/status").read_text(), "VmHWM") / 1024


def shared_mib(pid: int) -> float:
    """What it holds now, with its part of what it shares."""
    return read_kib(Path(f"/proc/{pid}/smaps_rollup").read_text(), "Pss") / 1024


def read_kib(text: str, name: str) -> int:
    """A line of /proc, in KiB."""
    match = re.search(rf"(?m)^{name}:\s+(\d+) kB$", text)
    assert match, f"no {name}"
    return int(match[1])


if __name__ == "__main__":
    main()
