"""Prints the released error codes with what they must keep: `python tests/print_golden.py`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from errors.pages import summarise_all

if __name__ == "__main__":
    rows = {row.pop("code"): row for row in summarise_all()}
    sys.stdout.write(json.dumps(rows, indent=1) + "\n")
