"""wrk as the generator of uploads: a turn of so many seconds, and what came of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import stack
from tests.load.targets import Target

SCRIPT = stack.ROOT / "tests/load/upload.lua"


@dataclass(frozen=True)
class Turn:
    """One target under load for some seconds; latencies in milliseconds."""

    requests: int
    seconds: float
    not_2xx: int
    socket_errors: int
    p50_ms: float
    p95_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


def send_uploads(target: Target, body_bytes: int, connections: int, seconds: float) -> Turn:
    """Keep so many connections busy with forms of this size, each with bytes of its own."""
    told = {"BODY_BYTES": str(body_bytes), "TOKEN": target.token}
    return Turn(**run_wrk(target.url, connections, seconds, SCRIPT, told))


def run_wrk(
    url: str, connections: int, seconds: float, script: Path, told: dict[str, str]
) -> dict[str, Any]:
    """Keep so many connections busy; what the script's `done` wrote of it.

    THREADS of what it is told says how many threads they share, one if nothing else is said.
    """
    binary = shutil.which("wrk")
    assert binary, "wrk is missing"
    result = stack.RUN_DIR / "wrk.json"
    command = [binary, "--threads", told.get("THREADS", "1"), "--connections", str(connections)]
    command += ["--duration", f"{seconds:.0f}s", "--timeout", "120s", "--latency"]
    subprocess.run(
        [*command, "--script", str(script), url],
        env=os.environ | told | {"RESULT": str(result)},
        check=True,
        capture_output=True,
        timeout=seconds + 150,
    )
    figures: dict[str, Any] = json.loads(result.read_text())
    return figures
