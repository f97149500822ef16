"""Starts the service with Compose on a real engine and shows that it keeps its promises.

`make compose-test` runs it, under a project name and a port of its own, and leaves nothing
behind.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.docker.promises import PROMISES
from tests.docker.stack import Failed, Stack, expect, write_env


def main() -> int:
    """Build, start, check each promise, remove; 1 when one is not kept."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--port", type=int, default=18080)
    reader.add_argument("--keep", action="store_true", help="leave it running")
    options = reader.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="filesvc-try-"))
    stack = Stack(options.port, write_env(folder, options.port))
    kept = True
    try:
        kept = start(stack) and check(stack)
    except Failed as failure:
        kept = report("FAILED", failure)
    finally:
        if not options.keep:
            stack.compose("down", "-v", "--remove-orphans", is_checked=False)
            shutil.rmtree(folder)
    return 0 if kept else 1


def start(stack: Stack) -> bool:
    """From nothing to healthy."""
    began = time.monotonic()
    stack.compose("build", "web")
    built = time.monotonic()
    stack.compose("up", "-d")
    stack.wait_healthy()
    stack.token = stack.execute("web", "python", "manage.py", "issue_token", "try").strip()
    expect(bool(stack.token), "no token")
    seconds = f"built in {built - began:.0f} s, healthy {time.monotonic() - built:.0f} s later"
    return report("ok", f"it starts: {seconds}")


def check(stack: Stack) -> bool:
    """Each promise, whatever became of the one before."""
    kept = True
    for promise in PROMISES:
        name = promise.__name__.replace("_", " ")
        try:
            report("ok", f"{name}: {promise(stack)}")
        except (Failed, OSError, ValueError, KeyError) as failure:
            kept = report("FAILED", f"{name}: {failure!r}")
    return kept


def report(word: str, what: object) -> bool:
    """One line; True when it is a good one."""
    print(f"{word:7} {what}", flush=True)  # noqa: T201
    return word == "ok"


if __name__ == "__main__":
    sys.exit(main())
