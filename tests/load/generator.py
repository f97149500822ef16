"""wrk as the generator of uploads: a turn of so many seconds, and what came of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass

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


def send_uploads(
    target: Target, body_bytes: int, connections: int, seconds: float, script: str = str(SCRIPT)
) -> Turn:
    """Keep so many connections busy with forms of this size, each with bytes of its own."""
    binary = shutil.which("wrk")
    assert binary, "wrk is missing"
    result = stack.RUN_DIR / "wrk.json"
    command = [binary, "--threads", "1", "--connections", str(connections)]
    command += ["--duration", f"{seconds:.0f}s", "--timeout", "120s", "--latency"]
    told = {"BODY_BYTES": str(body_bytes), "TOKEN": target.token, "RESULT": str(result)}
    subprocess.run(
        [*command, "--script", script, target.url],
        env=os.environ | told,
        check=True,
        capture_output=True,
        timeout=seconds + 150,
    )
    return Turn(**json.loads(result.read_text()))
