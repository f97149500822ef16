"""A server on loopback that takes envelopes as Sentry does, and keeps them."""

from __future__ import annotations

import contextlib
import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Collector(ThreadingHTTPServer):
    """Takes envelopes and keeps their bytes."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), TakeEnvelope)
        self.envelopes: list[bytes] = []

    @property
    def dsn(self) -> str:
        return f"http://public@127.0.0.1:{self.server_port}/1"

    @property
    def events(self) -> list[dict[str, Any]]:
        """The errors that were reported."""
        return self.items("event")

    @property
    def transactions(self) -> list[dict[str, Any]]:
        """The traces of requests and tasks."""
        return self.items("transaction")

    def items(self, kind: str) -> list[dict[str, Any]]:
        """What lies in the envelopes: each item is a line about it and then its bytes."""
        found = []
        for envelope in list(self.envelopes):
            _, _, rest = envelope.partition(b"\n")
            while rest.strip():
                head, _, rest = rest.partition(b"\n")
                item = json.loads(head)
                payload, rest = rest[: item["length"]], rest[item["length"] + 1 :]
                if item["type"] == kind:
                    found.append(json.loads(payload))
        return found


class TakeEnvelope(BaseHTTPRequestHandler):
    """One POST, one envelope."""

    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        coding = self.headers.get("Content-Encoding")
        self.server.envelopes.append(gzip.decompress(body) if coding == "gzip" else body)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def collecting() -> Iterator[Collector]:
    """It listens as long as the context lasts."""
    with Collector() as collector:
        thread = threading.Thread(target=collector.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield collector
        finally:
            collector.shutdown()
            thread.join()
