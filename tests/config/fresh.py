"""A fresh interpreter with settings of its own, as a start of the service would have it."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.stack import ROOT

# The settings without a default; none of these places is ever reached.
REQUIRED = {
    "SECRET_KEY": "only-for-tests-" + "k" * 32,
    "DATABASE_URL": "sqlite:////nowhere/db.sqlite3",
    "BROKER_URL": "redis://127.0.0.1:1/0",
    "CACHE_URL": "redis://127.0.0.1:1/1",
    "CLAMD_ADDRESS": "unix:/nowhere/clamd.sock",
    "STORAGE_ROOT": "/nowhere/storage",
}


def environment(**settings: str) -> dict[str, str]:
    """The required settings, these, and nothing of the surroundings."""
    around = {"PATH": os.environ["PATH"], "FILESVC_ENV_FILES": "", "PYTHONPATH": str(ROOT)}
    return around | REQUIRED | settings


def run_python(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run Python to its end, in the repository."""
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment(**settings),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
