"""How long a page of the list takes: the first and the 10,000th, with 10^3 and with 10^6 rows.

    python -m tests.load.pages [--requests 400]

All rows are one owner's. The questions are asked by turns, so that a slow moment meets all.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import requests

from tests.load.targets import Target, connect, running_backends, running_service

FEW, MANY, PAGE, FAR_PAGE = 1_000, 1_000_000, 50, 10_000
ROWS = """
INSERT INTO filesvc_file (id, owner_id, name, size_bytes, sha256, media_type, uploaded_at,
    request_id, scan_engine, scan_signatures, scanned_at, status, processed, processed_at,
    metadata, attempts, fence, notified_at)
SELECT (lpad(to_hex(1700000000000 + n), 12, '0') || '70008000'
        || lpad(to_hex(n), 12, '0'))::uuid,
    %s, 'note.txt', 6, repeat('0', 64), 'text/plain', now(), '', 'ClamAV', 'test', now(),
    'processed', true, now(), '{"kind": "text"}', 1, 1, now()
FROM generate_series(1, %s) AS n
"""


def main() -> None:
    """Print the percentiles, and each p95 by that of the first page among few rows."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--requests", type=int, default=400)
    asked = arguments.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="filesvc-load-", dir="/var/tmp") as folder,
        running_backends(),
        running_service(Path(folder), WEB_THREADS="4") as service,
    ):
        few = measure(service, fill(service, FEW), asked.requests)
        many = measure(service, fill(service, MANY), asked.requests)
        again = measure(service, fill(service, FEW), asked.requests)
    print_table({**named(FEW, few), **named(MANY, many), **named(FEW, again, " again")})


def named(rows: int, told: dict[str, list[float]], again: str = "") -> dict[str, list[float]]:
    """The same figures, with the number of rows in their names."""
    return {f"{rows:,} rows{again}, {page}": values for page, values in told.items()}


def fill(service: Target, rows: int) -> dict[str, str]:
    """So many rows; the pages that can be asked for."""
    service.clean()
    with connect(service.database) as connection:
        owner = service.ask("SELECT min(id) FROM auth_user")
        connection.execute(ROWS.encode(), (owner, rows))
        connection.execute(b"VACUUM ANALYZE filesvc_file")
        far = connection.execute(
            b"SELECT id FROM filesvc_file ORDER BY id DESC OFFSET %s LIMIT 1",
            (min(rows, FAR_PAGE * PAGE) - 1 - PAGE,),
        ).fetchone()
    assert far
    return {"first page": "", "far page": f"?cursor=n{str(far[0]).replace('-', '')}"}


def measure(service: Target, pages: dict[str, str], times: int) -> dict[str, list[float]]:
    """Milliseconds of each request, the pages by turns."""
    taken: dict[str, list[float]] = {page: [] for page in pages}
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {service.token}"
        for number in range(times + 20):
            for page, query in pages.items():
                began = time.perf_counter()
                answer = session.get(f"http://127.0.0.1:{service.port}/files/{query}", timeout=60)
                milliseconds = 1000 * (time.perf_counter() - began)
                assert answer.status_code == 200, answer.text
                assert len(answer.json()["results"]) == PAGE
                if number >= 20:  # the first ones load libraries
                    taken[page].append(milliseconds)
    return taken


def print_table(told: dict[str, list[float]]) -> None:
    """Median, p95, and the ratio of p95 to the first line's."""
    base = 0.0
    print("| list | p50 ms | p95 ms | of the first |\n| --- | ---: | ---: | ---: |")
    for name, values in told.items():
        p95 = statistics.quantiles(values, n=20)[-1]
        base = base or p95
        print(f"| {name} | {statistics.median(values):.1f} | {p95:.1f} | {p95 / base:.2f} |")


if __name__ == "__main__":
    main()
