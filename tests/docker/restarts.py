"""What clients see while the web containers restart: one by one nothing, all at once 503s."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any

from tests.docker.stack import Stack, expect, run, wait_until

# Below the cap of uploads under way of one owner (MAX_INFLIGHT_UPLOADS).
CLIENTS = 6
RESTARTS = 3
# Less than Retry-After asks for, so that there is always somebody at the door.
IMPATIENCE_SECONDS = 0.1
LOST = (599, "connection lost")


class Load:
    """Clients that upload and list without a break, and what they were answered."""

    def __init__(self, stack: Stack) -> None:
        self.answers: Counter[tuple[int, str]] = Counter()
        self.accepted: list[str] = []
        self.faults: list[str] = []
        self._stack = stack
        self._stop = threading.Event()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """While this lasts they ask; afterwards all of them have their answers."""
        clients = [threading.Thread(target=self._keep_asking, args=(n,)) for n in range(CLIENTS)]
        for client in clients:
            client.start()
        try:
            yield
        finally:
            self._stop.set()
            for client in clients:
                client.join()

    def wait_for_more(self, count: int = 20) -> None:
        """Until so many more uploads were accepted."""
        wanted = len(self.accepted) + count
        wait_until(lambda: len(self.accepted) >= wanted, 120, "uploads are accepted")

    def _keep_asking(self, client: int) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            try:
                self._upload(b"load %d %d" % (client, number))
                status, headers, body = self._stack.ask("GET", "/files/?page_size=1")
                self._note("listed", status, headers, json.loads(body))
            except (OSError, ValueError, HTTPException) as error:
                self.answers[LOST] += 1
                self.faults.append(repr(error))

    def _upload(self, content: bytes) -> None:
        status, headers, told = self._stack.upload(content, "load.txt")
        self._note("uploaded", status, headers, told)
        if status == 201:
            self.accepted.append(headers["location"])

    def _note(self, done: str, status: int, headers: dict[str, str], told: Any) -> None:
        code = told.get("code", done)
        self.answers[(status, code)] += 1
        if status < 400:
            return
        is_whole = headers.get("x-request-id") == told["request_id"] and "retry-after" in headers
        if status != 503 or not is_whole:
            self.faults.append(f"{status} {headers} {told}")
        self._stop.wait(IMPATIENCE_SECONDS)


def one_by_one_a_restart_is_not_noticed(stack: Stack) -> str:
    """Two instances, each restarted when the other is well, under load."""
    # What was scaled in the first run stays; more workers work beside.
    stack.compose("up", "-d", "--scale", "web=2", "--scale", "worker=3")
    stack.wait_healthy()
    expect(len(stack.containers("worker")) == 3, "three workers")
    load = Load(stack)
    with load.running():
        for one in stack.containers("web"):
            run(["docker", "restart", "--time", "60", one["Id"]])
            stack.wait_healthy()
    expect(not load.faults, f"{load.faults[:3]} of {load.answers}")
    lines = stack.compose("logs", "--no-color", "--tail", "400", "nginx").splitlines()
    told = (json.loads(line[line.index("{") :]) for line in lines if '"event"' in line)
    instances = {event["service"] for event in told} - {""}
    expect(len(instances) >= 2, f"nginx finds {instances}")
    return summary(load)


def a_restart_of_all_is_told_as_503(stack: Stack) -> str:
    """`compose restart web` under load: what was accepted is there, the rest is asked to wait."""
    load, seconds = Load(stack), []
    with load.running():
        for _ in range(RESTARTS):
            load.wait_for_more()
            began = time.monotonic()
            stack.compose("restart", "web")
            load.wait_for_more(1)
            seconds.append(time.monotonic() - began)
            stack.wait_healthy()
        load.wait_for_more()
    expect(not load.faults, f"{load.faults[:3]} of {load.answers}")
    expect(load.answers[(503, "service_unavailable")] > 0, f"never down: {load.answers}")
    lost = [path for path in load.accepted if stack.ask("GET", path)[0] != 200]
    expect(not lost, f"accepted and gone: {lost}")
    expect(stack.ask("GET", "/health/ready")[0] == 200, "ready again")
    away = ", ".join(f"{each:.0f}" for each in seconds)
    return f"{summary(load)}; all {len(load.accepted)} rows there, 201 again after {away} s"


def summary(load: Load) -> str:
    """Each answer with its count."""
    return ", ".join(f"{status} {code} {count}" for (status, code), count in load.answers.items())
