"""Looks for secrets among the sources (detect-secrets); what is known to be none has its reason.

`python tests/scan_secrets.py` fails on anything that `known_secrets.json` does not explain;
`--write` adds it there, and the reason is for whoever does so to write.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import default_settings

ROOT = Path(__file__).resolve().parent.parent
KNOWN = ROOT / "tests" / "known_secrets.json"
# Hashes of packages, and the file that holds hashes of what was found.
LEFT_OUT = ("requirements.txt", "requirements-dev.txt", "tests/known_secrets.json")
Found = dict[str, set[str]]
Known = dict[str, dict[str, Any]]


def list_sources() -> list[str]:
    """Every file under version control, and every new one that is not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [
        name for name in told.stdout.split("\n") if (ROOT / name).is_file() and name not in LEFT_OUT
    ]


def scan(root: Path, names: list[str]) -> Found:
    """What looks like a secret, by file, each as a hash."""
    found: Found = {}
    with default_settings():
        for name in names:
            secrets = SecretsCollection(root=str(root))
            secrets.scan_file(name)
            hashes = {secret.secret_hash for _, secret in secrets}
            if hashes:
                found[name] = hashes
    return found


def find_unknown(found: Found, known: Known) -> list[str]:
    """One line for each file with something nobody has explained, or without its reason."""
    lines = []
    for name, hashes in sorted(found.items()):
        told = known.get(name, {"why": "", "hashes": []})
        count = len(hashes - set(told["hashes"]))
        if count or not told["why"]:
            lines.append(f"{name}: {count} of what looks like a secret is new or has no reason")
    return lines


def main(arguments: list[str]) -> None:
    """Compare, or write down what is there."""
    found = scan(ROOT, list_sources())
    known: Known = json.loads(KNOWN.read_text()) if KNOWN.exists() else {}
    if "--write" in arguments:
        kept = {
            name: {"why": known.get(name, {}).get("why", ""), "hashes": sorted(hashes)}
            for name, hashes in sorted(found.items())
        }
        KNOWN.write_text(json.dumps(kept, indent=1) + "\n")
    raise SystemExit("\n".join(find_unknown(found, known)) or None)


if __name__ == "__main__":
    main(sys.argv[1:])
