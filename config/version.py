"""The version: read from the first numbered heading of CHANGELOG.md, the only place that has it."""

from __future__ import annotations

import re

from config.env import BASE_DIR

_HEADING = re.compile(r"^## (?P<version>[0-9]+\.[0-9]+\.[0-9]+)", re.MULTILINE)


def read_version() -> str:
    """Such as `0.1.0`."""
    match = _HEADING.search((BASE_DIR / "CHANGELOG.md").read_text())
    if not match:
        raise SystemExit("CHANGELOG.md names no version")
    return match["version"]
