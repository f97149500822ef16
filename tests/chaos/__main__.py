"""`python -m tests.chaos --minutes 10 --seed 7`: breaks a service of its own, and counts."""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import secrets
import subprocess
import sys

from tests.chaos.orchestra import STORE_BYTES, orchestra
from tests.chaos.run import Run

NEW_MOUNTS = 0x00020000  # CLONE_NEWNS
SHOWN = 20


def main() -> int:
    """Run, print the table, return 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=None, help="a random one when left out")
    parser.add_argument("--keep", action="store_true", help="keep the folder with the logs")
    told = parser.parse_args()
    seed = secrets.randbelow(1_000_000) if told.seed is None else told.seed
    print(f"seed {seed}", flush=True)  # noqa: T201
    store_bytes = STORE_BYTES if can_mount() else 0
    with orchestra(with_edge=True, store_bytes=store_bytes, is_kept=told.keep) as target:
        run = Run(target, seed, lambda line: print(line, flush=True))  # noqa: T201
        found = run.play(told.minutes * 60)
        table = run.account(found)
    width = max(len(name) for name, _ in table)
    print("\n".join(f"{name:{width}}  {value}" for name, value in table))  # noqa: T201
    for kind, items in vars(found).items():
        for item in items[:SHOWN]:
            print(f"{kind}: {item}")  # noqa: T201
    print("green" if found.is_green else f"RED; again with --seed {seed}", flush=True)  # noqa: T201
    return 0 if found.is_green else 1


def can_mount() -> bool:
    """Whether a file system can be mounted that nobody else sees and that ends with this run."""
    if os.getuid() != 0 or ctypes.CDLL(None).unshare(NEW_MOUNTS) != 0:
        return False
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        subprocess.run(["mount", "--make-rprivate", "/"], check=True, capture_output=True)
        return True
    return False


if __name__ == "__main__":
    sys.exit(main())
