"""`make bench-users`: people with think time before nginx, service and worker, played by Locust.

    python -m tests.load.users [--users 40] [--seconds 60] [--locust PROGRAM] [--csv FILE]

Ends with a table of every kind of request, and with 1 when an answer was not the expected one,
when a row is missing or too many, or when a file was not processed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from security.policy import BY_MEDIA_TYPE
from tests import stack
from tests.load.alone import (
    BEHIND_EDGE,
    behind_edge,
    running_alone,
    running_celery,
    wait_processed,
)
from tests.load.figures import print_table, write_csv
from tests.load.targets import Target, manage
from tests.load.typical_files import TYPICAL

OWNERS, STOP_SECONDS, WAIT_SECONDS = 5, 60, 120


def main() -> None:
    """Start everything, let Locust play, judge."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--users", type=int, default=40)
    arguments.add_argument("--seconds", type=int, default=60)
    arguments.add_argument("--locust", default="var/locust/bin/locust")
    arguments.add_argument("--csv", help="keep the lines there")
    asked = arguments.parse_args()
    with (
        running_alone(**BEHIND_EDGE) as service,
        running_celery(service),
        behind_edge(service) as port,
    ):
        figures = play(service, port, asked)
        wait_processed(service, WAIT_SECONDS)
        rows = service.count()
    counts = figures["counts"]
    write_csv(asked.csv, figures["lines"])
    print_table(figures["lines"])
    print(f"\n{asked.users} users for {asked.seconds} s: {counts}, {rows} rows")
    assert rows == counts["taken"] - counts.get("deleted", 0), "rows and answers differ"
    assert not counts.get("late"), "a file was not processed in time"
    unexpected = sum(line["unexpected"] for line in figures["lines"])
    raise SystemExit(f"{unexpected} unexpected answers" if unexpected else 0)


def play(service: Target, port: int, asked: argparse.Namespace) -> dict[str, Any]:
    """Locust without its page, for so long and no longer; its lines and counts."""
    command = [asked.locust, "--locustfile", "tests/load/locustfile.py", "--headless"]
    command += ["--users", str(asked.users), "--spawn-rate", "10", "--only-summary"]
    command += ["--run-time", f"{asked.seconds}s", "--stop-timeout", str(STOP_SECONDS)]
    command += ["--host", f"http://127.0.0.1:{port}", "--loglevel", "WARNING"]
    kept = stack.RUN_DIR / "figures.json"
    told = {
        "FILES": str(write_files(stack.RUN_DIR / "files")),
        "TOKENS": ",".join(issue_tokens(service)),
        "FIGURES": str(kept),
    }
    done = subprocess.run(
        command,
        cwd=stack.ROOT,
        env=os.environ | told,
        check=False,
        capture_output=True,
        text=True,
        timeout=asked.seconds + STOP_SECONDS + 60,
    )
    assert kept.exists(), done.stderr
    if done.returncode:
        print(done.stderr)
    figures: dict[str, Any] = json.loads(kept.read_text())
    return figures


def issue_tokens(service: Target) -> list[str]:
    """One for each owner."""
    names = [f"user-{number}" for number in range(OWNERS)]
    return [manage(service.told, "issue_token", name).strip().splitlines()[-1] for name in names]


def write_files(folder: Path) -> Path:
    """One file of each kind, and an index of them."""
    folder.mkdir()
    index = []
    for number, (media_type, make) in enumerate(TYPICAL.values()):
        kind = BY_MEDIA_TYPE[media_type]
        if not kind.by_default:
            continue
        name = f"file-{number}.{kind.extensions[0]}"
        (folder / name).write_bytes(make())
        index.append({"name": name, "type": media_type})
    (folder / "index.json").write_text(json.dumps(index))
    return folder


if __name__ == "__main__":
    main()
