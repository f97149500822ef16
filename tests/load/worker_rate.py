"""How many files a second a worker processes, by type, against a task that updates one row.

    python -m tests.load.worker_rate [--files 200] [--rounds 3]

Everything is real and private: PostgreSQL, Redis, the worker with two slots, the confined
processes. The queue is filled first; a rate is taken between the first file that is done and the
last. Each round does every kind once, so that a slow minute of the machine meets all of them.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests import stack

SLOTS = 2
WAIT_SECONDS = 60
ASKED_EVERY_SECONDS = 0.25
# The two that are compared are quick, and take a longer run for a steady rate.
SMALL_FILES = 10


@contextlib.contextmanager
def running_servers() -> Iterator[None]:
    """Redis, clamd and PostgreSQL of this run alone, with empty tables."""
    for make in (stack.make_redis, stack.make_clamd, stack.make_postgresql):
        server = make()
        server.start()
        stack.SERVERS[server.name] = server
    try:
        import django
        from django.core.management import call_command

        django.setup()
        import config.celery  # noqa: F401 - tasks belong to this application

        call_command("migrate", verbosity=0)
        yield
    finally:
        stack.stop_all()


def fill(media_type: str, content: bytes, files: int) -> list[Any]:
    """So many waiting files with these bytes."""
    from django.contrib.auth import get_user_model

    from filesvc.blobs import blob_path
    from tests.filesvc.conftest import new_row

    owner, _ = get_user_model().objects.get_or_create(username="load")
    made = []
    for _ in range(files):
        row = new_row(content, owner=owner, media_type=media_type)
        row.save(force_insert=True)
        blob_path(row.id).parent.mkdir(parents=True, exist_ok=True)
        blob_path(row.id).write_bytes(content)
        made.append(row)
    return made


def measure(task: Any, rows: list[Any], application: str, storage: Path) -> float:
    """Files a second, from the first that is done to the last."""
    from django.db.models import Max, Min

    from filesvc.models import File
    from tests.filesvc.processes import running_worker

    for row in rows:
        task.apply_async((str(row.id),))
    waiting = File.objects.filter(id__in=[row.id for row in rows])
    with running_worker(storage, application, SLOTS):
        stack.wait_until(lambda: is_done(waiting), WAIT_SECONDS, "every file is done")
    failed = list(waiting.exclude(status="processed").values_list("failure", flat=True)[:1])
    assert not failed, failed
    span = waiting.aggregate(first=Min("processed_at"), last=Max("processed_at"))
    waiting.delete()
    seconds: float = (span["last"] - span["first"]).total_seconds()
    return (len(rows) - 1) / max(0.001, seconds)


def is_done(waiting: Any) -> bool:
    """Whether none waits any more; asked so seldom that asking takes nothing from the worker."""
    time.sleep(ASKED_EVERY_SECONDS)
    return not waiting.filter(status__in=["queued", "processing"]).exists()


def main() -> None:
    """Print one row for each kind, and the mix of all of them."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--files", type=int, default=200)
    arguments.add_argument("--rounds", type=int, default=3)
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_servers():
        print_table(run_rounds(Path(folder) / "storage", asked.files, asked.rounds))


def run_rounds(storage: Path, files: int, rounds: int) -> dict[str, list[float]]:
    """Every kind's rates, a value for each round."""
    from django.conf import settings

    from filesvc.blobs import prepare_storage
    from filesvc.tasks import process_file
    from tests.load.plain_worker import mark_processed
    from tests.load.typical_files import TYPICAL

    settings.STORAGE_ROOT = storage
    prepare_storage()
    contents = {kind: (media_type, make()) for kind, (media_type, make) in TYPICAL.items()}
    rates: dict[str, list[float]] = {
        kind: [] for kind in ("one UPDATE, no file", *TYPICAL, "mixed")
    }
    small = ("text/plain", b"hello\n")
    rates["text, 6 bytes"] = []
    for _ in range(rounds):
        rates["one UPDATE, no file"].append(
            measure(
                mark_processed,
                fill(*small, files * SMALL_FILES),
                "tests.load.plain_worker",
                storage,
            )
        )
        rates["text, 6 bytes"].append(
            measure(process_file, fill(*small, files * SMALL_FILES), "config.celery", storage)
        )
        for kind, content in contents.items():
            rates[kind].append(
                measure(process_file, fill(*content, files), "config.celery", storage)
            )
        mixed = [row for c in contents.values() for row in fill(*c, max(1, files // len(contents)))]
        rates["mixed"].append(
            measure(process_file, sorted(mixed, key=in_no_order), "config.celery", storage)
        )
    return rates


def in_no_order(row: Any) -> str:
    """The same shuffle each time the ids are the same."""
    return hashlib.sha256(row.id.bytes).hexdigest()


def print_table(rates: dict[str, list[float]]) -> None:
    """Medians, the quickest first, and the ratio to the plain task in the same round."""
    plain = rates["one UPDATE, no file"]
    print("| file | files/s | of the plain task |\n| --- | ---: | ---: |")
    for kind, values in sorted(rates.items(), key=lambda row: -statistics.median(row[1])):
        ratio = statistics.median(rate / of for rate, of in zip(values, plain, strict=True))
        print(f"| {kind} | {statistics.median(values):,.0f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
