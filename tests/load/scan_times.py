"""How long clamd alone takes to scan a file, by size and by type, with the signatures it has here.

    python -m tests.load.scan_times [--files 15] [--csv FILE]

By open descriptor (FILDES), as the service asks. No two files are the same, so no cache helps:
each ends with bytes of its own. With other signatures the times are others: run it there.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from tests.load.alone import prepared
from tests.load.figures import Line, percentile, print_table, write_csv
from tests.load.typical_files import TYPICAL, prose

SIZES_BYTES = {"1 KB": 1000, "1 MB": 1_000_000, "10 MB": 10_000_000, "100 MB": 100_000_000}


def main() -> None:
    """Print and keep a line for each kind of file."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--files", type=int, default=15)
    arguments.add_argument("--csv", help="keep the lines there")
    asked = arguments.parse_args()
    kinds = {f"text, {name}": prose(size) for name, size in SIZES_BYTES.items()}
    kinds |= {kind: make() for kind, (_, make) in TYPICAL.items()}
    with prepared() as folder:
        lines = [measure(folder, kind, kinds[kind], asked.files) for kind in kinds]
    write_csv(asked.csv, lines)
    print_table(lines)


def measure(folder: Path, kind: str, content: bytes, files: int) -> Line:
    """One line: milliseconds of a scan."""
    taken = [timed_scan(folder, content + f"\n{time.time_ns()}\n".encode()) for _ in range(files)]
    told: Line = {"file": kind, "KB": len(content) / 1000}
    return told | {"p50 ms": percentile(taken, 50), "p95 ms": percentile(taken, 95)}


def timed_scan(folder: Path, content: bytes) -> float:
    """Milliseconds until clamd has said that it is clean."""
    import django

    django.setup()
    from security.clamd_client import ClamdClient

    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(content)
        file.flush()
        began = time.perf_counter()
        reply = ClamdClient(os.environ["CLAMD_ADDRESS"], 60).scan_descriptor(file.fileno())
        milliseconds = 1000 * (time.perf_counter() - began)
    assert reply.endswith(b" OK\0"), (content[:20], reply)
    return milliseconds


if __name__ == "__main__":
    main()
