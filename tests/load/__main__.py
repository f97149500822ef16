"""`make bench-all`: every measuring program in turn; what each found is a CSV in docs/load/.

    python -m tests.load [--only concurrency,downloads] [--folder docs/load]

Each starts and stops servers of its own, tries its own answers and has a time it may take. One
that fails or takes longer is told at the end, and the others are measured all the same.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.load.figures import read_table, write_csv

STOP_SECONDS = 60


@dataclass(frozen=True)
class Program:
    """One module of this package: what it is told, how long it may take, who draws its CSV."""

    name: str
    minutes: float
    arguments: list[str] = field(default_factory=list)
    keeps_csv: bool = True
    drawn_by: str = ""


PROGRAMS = [
    Program("bench", 15, drawn_by="draw"),
    Program("cost", 6),
    Program("concurrency", 12, drawn_by="draw_concurrency"),
    Program("edge_cost", 6),
    Program("downloads", 5),
    Program("processing_delay", 5),
    Program("memory", 5),
    Program("system_calls", 5),
    Program("scan_times", 3),
    Program("scale_out", 15),
    Program("users", 5),
    Program("refusals", 5, keeps_csv=False),
    Program("large", 4, keeps_csv=False),
    Program("pages", 15, keeps_csv=False),
    Program("slow_clients", 6, keeps_csv=False),
    Program("worker_rate", 20, ["--files", "40"], keeps_csv=False),
]
# `make bench` has kept its turns there from the beginning.
CSV_NAMES = {"bench": "uploads"}


def main() -> None:
    """Run what is asked for; end with 1 when one of them failed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--only", help="names, with commas between them")
    arguments.add_argument("--folder", type=Path, default=Path("docs/load"))
    asked = arguments.parse_args()
    names = asked.only.split(",") if asked.only else [program.name for program in PROGRAMS]
    unknown = set(names) - {program.name for program in PROGRAMS}
    assert not unknown, f"no such program: {unknown}"
    failed = [
        program.name
        for program in PROGRAMS
        if program.name in names and not measure(program, asked.folder)
    ]
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


def measure(program: Program, folder: Path) -> bool:
    """One program: its output is shown, its table kept, its picture drawn; whether it went well."""
    path = folder / f"{CSV_NAMES.get(program.name, program.name)}.csv"
    own = ["--csv", str(path)] if program.keeps_csv else []
    print(f"\n## {program.name} (at most {program.minutes:.0f} minutes)\n", flush=True)
    began = time.monotonic()
    code, output = run(program.name, [*program.arguments, *own], 60 * program.minutes)
    print(f"{output}\n{time.monotonic() - began:.0f} s", flush=True)
    if code:
        return False
    if not program.keeps_csv:
        write_csv(str(path), read_table(output))
    if program.drawn_by:
        code, _ = run(program.drawn_by, [str(path), str(path.with_suffix(".svg"))], 60)
    return code == 0


def run(name: str, arguments: list[str], seconds: float) -> tuple[int, str]:
    """Its exit code and output; asked to stop, as by Ctrl-C, when its time is over."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"tests.load.{name}", *arguments], stdout=subprocess.PIPE, text=True
    )
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)  # it stops its servers then
        try:
            output, _ = process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
        return 1, f"{output}\nnot within {seconds:.0f} s"
    return process.returncode, output


if __name__ == "__main__":
    main()
