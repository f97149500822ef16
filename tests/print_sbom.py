"""Writes the bill of materials (CycloneDX) of what production runs, from the pinned packages.

`python -m tests.print_sbom PATH`; two runs over the same pins write the same file.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def write_sbom(path: Path) -> None:
    """Raises CalledProcessError when the pins cannot be read."""
    command = [str(Path(sys.executable).parent / "cyclonedx-py"), "requirements"]
    command += ["--pyproject", "pyproject.toml", "--mc-type", "application"]
    command += ["--output-reproducible", "--output-format", "JSON", "--output-file", str(path)]
    environment = {"PYTHONWARNINGS": "ignore"}  # the pins do not say who needs whom
    subprocess.run([*command, "requirements.txt"], cwd=ROOT, check=True, env=environment)


if __name__ == "__main__":
    target = Path(sys.argv[1]).resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    write_sbom(target)
