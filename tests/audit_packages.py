"""Asks pip-audit for known faults of the pinned packages, and notices when nobody answered.

pip-audit passes when its source knows none of the packages, as it does when that source cannot
be reached through a mirror (tried); such a run is told as skipped. With `--required` a skip fails.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
WAIT_SECONDS = 10
Package = dict[str, Any]


def ask() -> list[Package] | None:
    """Each package with what is known of it; None when the source did not answer."""
    command = [str(Path(sys.executable).parent / "pip-audit"), "--format", "json"]
    command += ["--requirement", "requirements.txt", "--require-hashes", "--disable-pip"]
    command += ["--timeout", str(WAIT_SECONDS), "--progress-spinner", "off"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    try:
        packages: list[Package] = json.loads(told.stdout)["dependencies"]
    except (ValueError, KeyError):
        return None
    return packages


def judge(packages: list[Package] | None, *, is_required: bool) -> tuple[str, bool]:
    """What is told, and whether it is good enough."""
    known = [package for package in packages or [] if "vulns" in package]
    faults = [
        f"{package['name']} {package['version']}: {fault['id']}"
        for package in known
        for fault in package["vulns"]
    ]
    if faults:
        return "\n".join(["known faults:", *faults]), False
    if not known:
        return "audit SKIPPED: the source of known faults cannot be reached", not is_required
    unknown = len(packages or []) - len(known)
    if unknown:
        told = f"audit SKIPPED for {unknown} packages: nothing is known of them"
        return told, not is_required
    return f"no known fault in {len(known)} packages", True


if __name__ == "__main__":
    line, is_enough = judge(ask(), is_required="--required" in sys.argv)
    sys.stdout.write(f"{line}\n")
    raise SystemExit(not is_enough)
