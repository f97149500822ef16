"""How many bad requests a second are refused, by kind of refusal, beside how many are taken.

python -m tests.load.refusals [--seconds 4]
"""

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import replace
from pathlib import Path

from tests import stack
from tests.load.generator import send_uploads
from tests.load.targets import Target, running_backends, running_service

FEW, BODY_BYTES = 8, 1000
# what is wrong -> environment of the script, and whether the token is a good one
KINDS: dict[str, dict[str, str]] = {
    "nothing": {},
    "no token (401)": {"TOKEN": ""},
    "a bad token (401)": {"TOKEN": "0" * 64},
    "a body too large, announced (413)": {"FAULT": "length"},
    "an extension not allowed (422)": {"FAULT": "extension"},
    "bytes of another type (422)": {"FAULT": "type"},
    "a name with a path (422)": {"FAULT": "name"},
    "malware (422)": {"FAULT": "malware"},
}


def main() -> None:
    """Print one row for each kind."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=4)
    asked = arguments.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="filesvc-load-", dir="/var/tmp") as folder,
        running_backends(),
        running_service(Path(folder), AUTH_FAILURE_RATE="100000000/m") as service,
    ):
        send_uploads(service, BODY_BYTES, FEW, 2)
        print("| what is wrong | answers/s | p95 ms |\n| --- | ---: | ---: |")
        for kind, told in KINDS.items():
            print(measure(service, kind, told, asked.seconds), flush=True)


def measure(service: Target, kind: str, told: dict[str, str], seconds: float) -> str:
    """One row; nothing of a refused upload may be left."""
    os.environ["FAULT"] = told.get("FAULT", "")
    target = replace(service, token=told.get("TOKEN", service.token))
    send_uploads(target, BODY_BYTES, FEW, 1)  # what was on its way before ends meanwhile
    service.clean()
    turn = send_uploads(target, BODY_BYTES, FEW, seconds)
    refused = turn.requests if told else 0
    assert turn.not_2xx == refused, (kind, turn)
    if told:
        assert service.count() == 0, kind
        stack.wait_until(lambda: not kept(service), 10, "nothing is left")
    return f"| {kind} | {turn.rate:.0f} | {turn.p95_ms:.0f} |"


def kept(service: Target) -> list[Path]:
    """Files in the store."""
    return [path for path in service.storage.rglob("*") if path.is_file()]


if __name__ == "__main__":
    main()
