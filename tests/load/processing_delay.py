"""How long after its 201 a file is processed: at an idle worker, and at half of what it can do.

    python -m tests.load.processing_delay [--seconds 15] [--csv FILE]

The moment of the 201 is the client's, that of the end the row's own (`processed_at`), by one clock.
What the worker can do is measured first: it empties a queue that was filled while it was away.
Half of that then arrives at random moments, as independent people send.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import local

import requests

from tests.load.alone import running_alone, running_celery, wait_processed
from tests.load.bench import FEW, SIZES
from tests.load.figures import Line, percentile, print_table, write_csv
from tests.load.generator import send_uploads
from tests.load.targets import Target, connect

QUEUE_SECONDS, CLIENTS, IDLE_FILES, WAIT_SECONDS, SEED = 5, 16, 100, 120, 7
_session = local()


def main() -> None:
    """Print and keep a line for each load."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=15)
    arguments.add_argument("--csv", help="keep the lines there")
    asked = arguments.parse_args()
    with running_alone() as service:
        rate = measure_worker(service)
        with running_celery(service):
            idle = send_one_by_one(service, IDLE_FILES)
            busy = send_at(service, rate / 2, asked.seconds)
    lines = [describe("idle", 0.0, idle), describe("half of its rate", rate / 2, busy)]
    write_csv(asked.csv, lines)
    print(f"The worker alone: {rate:.0f} files/s.\n")
    print_table(lines)


def measure_worker(service: Target) -> float:
    """Files a second of the worker by itself."""
    send_uploads(service, SIZES["1k"], FEW, QUEUE_SECONDS)
    with running_celery(service):
        rate = processing_rate(service)
    service.clean()
    return rate


def processing_rate(service: Target) -> float:
    """Files a second, from the first that is done to the last of a filled queue."""
    wait_processed(service, WAIT_SECONDS)
    with connect(service.database) as connection:
        row = connection.execute(
            b"SELECT count(*) - 1, extract(epoch FROM max(processed_at) - min(processed_at))"
            b" FROM filesvc_file"
        ).fetchone()
    assert row, "no file was processed"
    return float(str(row[0])) / float(str(row[1]))


def send_one_by_one(service: Target, files: int) -> list[float]:
    """Milliseconds of each, the next sent when the one before is done."""
    taken = []
    for number in range(files + 5):
        taken.append(upload(service, number))
        wait_processed(service, WAIT_SECONDS)
    return delays_of(service, taken[5:])  # the first ones load libraries


def send_at(service: Target, rate: float, seconds: float) -> list[float]:
    """Milliseconds of each of so many a second, which wait for no answer but their own."""
    service.clean()
    began = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as clients:
        work = []
        for number, moment in enumerate(arrivals(rate, seconds)):
            time.sleep(max(0.0, began + moment - time.monotonic()))
            work.append(clients.submit(upload, service, number))
        taken = [each.result() for each in work]
    wait_processed(service, WAIT_SECONDS)
    assert service.count() == len(taken), (service.count(), len(taken))
    return delays_of(service, taken)


def arrivals(rate: float, seconds: float) -> Iterator[float]:
    """Random moments, so many a second on the average (a Poisson process)."""
    chance = random.Random(SEED)
    moment = chance.expovariate(rate)
    while moment < seconds:
        yield moment
        moment += chance.expovariate(rate)


def upload(service: Target, number: int) -> tuple[str, float]:
    """Send one small file; its id, and when the 201 was there."""
    session = _session.__dict__.setdefault("session", requests.Session())
    content = f"{number} {time.time_ns()}\n".ljust(SIZES["1k"], "x").encode()
    answer = session.post(
        service.url,
        files={"file": ("note.txt", content, "text/plain")},
        headers={"Authorization": f"Bearer {service.token}"},
        timeout=60,
    )
    told = time.time()
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"]), told


def delays_of(service: Target, taken: list[tuple[str, float]]) -> list[float]:
    """Milliseconds from the 201 to `processed_at`; 0 where the worker was the faster one."""
    with connect(service.database) as connection:
        rows = connection.execute(b"SELECT id, processed_at FROM filesvc_file").fetchall()
    done = {str(row[0]): row[1] for row in rows}
    return [max(0.0, 1000 * (as_seconds(done[each]) - told)) for each, told in taken]


def as_seconds(moment: object) -> float:
    """Seconds of the epoch."""
    assert isinstance(moment, datetime)
    return moment.timestamp()


def describe(load: str, rate: float, delays: list[float]) -> Line:
    """One line."""
    told = {f"p{percent} ms": percentile(delays, percent) for percent in (50, 95, 99)}
    return {"worker": load, "arriving/s": rate, "files": len(delays), **told}


if __name__ == "__main__":
    main()
