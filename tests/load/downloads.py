"""How fast kept content is handed out: by the service itself, and by nginx that it sends (X-Accel).

    python -m tests.load.downloads [--seconds 5] [--rounds 3] [--csv FILE]

nginx runs the product's own template. Both ways are asked for the same file by turns; before it
is measured each way's answer is compared with what was uploaded.
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import dataclass

import requests

from tests import stack
from tests.load.alone import BEHIND_EDGE, behind_edge, mark_processed, running_alone
from tests.load.bench import SIZES
from tests.load.figures import Line, print_table, write_csv
from tests.load.generator import run_wrk
from tests.load.targets import Target

FEW, CONNECTIONS = 8, {"100m": 2}
SCRIPT = stack.ROOT / "tests/load/download.lua"
LINE = b"The quick brown fox jumps over the lazy dog, and so does every other one.\n"


@dataclass(frozen=True)
class Handed:
    """What came out in a turn."""

    requests: int
    seconds: float
    received_bytes: int
    failed: int
    p50_ms: float
    p95_ms: float
    p99_ms: float


def main() -> None:
    """Print and keep a line for each size and each way."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=5)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--csv", help="keep the lines there")
    asked = arguments.parse_args()
    lines: list[Line] = []
    with running_alone(**BEHIND_EDGE) as service, behind_edge(service) as edge_port:
        ways = {"service": service.port, "nginx": edge_port}
        for size in ("1k", "1m", "100m"):
            path = upload(service, SIZES[size], ways)
            lines += measure(asked, service.token, path, size, ways)
    write_csv(asked.csv, lines)
    print_table(lines)


def upload(service: Target, size_bytes: int, ways: dict[str, int]) -> str:
    """Keep one file of this size; its path, once both ways gave back what was sent."""
    content = (LINE * (size_bytes // len(LINE) + 1))[:size_bytes]
    told = {"Authorization": f"Bearer {service.token}"}
    form = {"file": ("note.txt", content)}
    answer = requests.post(service.url, files=form, headers=told, timeout=120)
    assert answer.status_code == 201, answer.text
    mark_processed(service)
    path = str(answer.json()["file"])
    for port in ways.values():
        back = requests.get(f"http://127.0.0.1:{port}{path}", headers=told, timeout=120)
        assert back.status_code == 200, back.text
        assert back.content == content
    return path


def measure(
    asked: argparse.Namespace, token: str, path: str, size: str, ways: dict[str, int]
) -> list[Line]:
    """The ways by turns; a line for each."""
    turns: dict[str, list[Handed]] = {way: [] for way in ways}
    for number in range(asked.rounds):
        for way in ways if number % 2 else reversed(ways):
            url = f"http://127.0.0.1:{ways[way]}{path}"
            turns[way].append(take_turn(url, token, size, asked.seconds))
    return [describe(size, way, taken) for way, taken in turns.items()]


def take_turn(url: str, token: str, size: str, seconds: float) -> Handed:
    """One turn, checked: every answer was a success and brought all of its bytes."""
    connections = CONNECTIONS.get(size, FEW)
    turn = Handed(**run_wrk(url, connections, seconds, SCRIPT, {"TOKEN": token}))
    assert turn.failed == 0 < turn.requests, (url, size, turn)
    assert turn.received_bytes >= turn.requests * SIZES[size], (url, size, turn)
    return turn


def describe(size: str, way: str, turns: list[Handed]) -> Line:
    """One line: medians over the rounds."""
    middle = {
        name: statistics.median(getattr(turn, name) for turn in turns)
        for name in ("p50_ms", "p95_ms", "p99_ms")
    }
    rate = statistics.median(turn.requests / turn.seconds for turn in turns)
    return {
        "size": size,
        "sent by": way,
        "downloads/s": rate,
        "MB/s": rate * SIZES[size] / 1e6,
        **{name.replace("_", " "): float(value) for name, value in middle.items()},
    }


if __name__ == "__main__":
    main()
