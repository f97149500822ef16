"""What a thousand slow clients cost everybody else, behind the edge.

    python -m tests.load.slow_clients [--clients 1000] [--rounds 3]

Each sends its upload at 10 KB/s. The others' p95 is taken by turns: without them, with them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tests.load.generator import Turn, send_uploads
from tests.load.targets import Target, running_backends, running_service
from tests.system.edge import edge

BYTES_PER_SECOND, SLICE_SECONDS, BODY_BYTES, OTHERS = 10_000, 0.5, 200_000, 4
HEAD = (
    "POST /upload/ HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
    "Content-Type: multipart/form-data; boundary=slow\r\nContent-Length: {length}\r\n\r\n"
    '--slow\r\nContent-Disposition: form-data; name="file"; filename="slow.txt"\r\n\r\n'
)


class SlowClients:
    """Keeps so many uploads under way; each begins anew when it is done."""

    def __init__(self, target: Target, clients: int) -> None:
        self._target, self._clients = target, clients
        self._ready, self._stop = threading.Event(), threading.Event()
        self._open = 0

    @contextlib.contextmanager
    def sending(self) -> Iterator[None]:
        """All of them are connected before the block begins, and gone after it."""
        thread = threading.Thread(target=lambda: asyncio.run(self._send_all()))
        thread.start()
        try:
            assert self._ready.wait(60), f"only {self._open} are connected"
            yield
        finally:
            self._stop.set()
            thread.join()

    async def _send_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self._clients):
                group.create_task(self._send_again_and_again())
                await asyncio.sleep(0.002)

    async def _send_again_and_again(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(OSError):
                await self._send_one()

    async def _send_one(self) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", self._target.port)
        self._count(1)
        head = HEAD.format(token=self._target.token, length=BODY_BYTES).encode()
        writer.write(head)
        left = BODY_BYTES - len(head.partition(b"\r\n\r\n")[2])
        while left > 0 and not self._stop.is_set():
            piece = min(left, round(BYTES_PER_SECOND * SLICE_SECONDS))
            writer.write(b"x" * piece)
            await writer.drain()
            left -= piece
            await asyncio.sleep(SLICE_SECONDS)
        self._count(-1)
        writer.close()

    def _count(self, step: int) -> None:
        self._open += step
        if self._open >= 0.95 * self._clients:
            self._ready.set()


def main() -> None:
    """Print the others' figures without and with the slow ones."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--clients", type=int, default=1000)
    arguments.add_argument("--rounds", type=int, default=3)
    asked = arguments.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="filesvc-load-", dir="/var/tmp") as folder,
        running_backends(),
        running_service(Path(folder)) as service,
        edge(service.port, max_connections=4000) as port,
    ):
        target = replace(service, port=port)
        send_uploads(target, 1000, OTHERS, 2)
        without, beside = [], []
        for _ in range(asked.rounds):
            without.append(take_turn(target))
            with SlowClients(target, asked.clients).sending():
                beside.append(take_turn(target))
    print_table({"alone": without, f"beside {asked.clients:,} slow clients": beside})


def take_turn(target: Target) -> Turn:
    """The others at work for a few seconds."""
    turn = send_uploads(target, 1000, OTHERS, 6)
    assert turn.not_2xx == turn.socket_errors == 0, turn
    return turn


def print_table(told: dict[str, list[Turn]]) -> None:
    """Medians over the rounds."""
    print("| the others | requests/s | p50 ms | p95 ms |\n| --- | ---: | ---: | ---: |")
    for name, turns in told.items():
        medians = [
            statistics.median(getattr(turn, field) for turn in turns)
            for field in ("rate", "p50_ms", "p95_ms")
        ]
        print(f"| {name} | " + " | ".join(f"{value:.0f}" for value in medians) + " |")


if __name__ == "__main__":
    main()
