"""A released error code keeps its status, its title, its `retryable` and its public details."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from errors.pages import summarise_all

ROOT = Path(__file__).resolve().parents[2]
GOLDEN: dict[str, Any] = json.loads((ROOT / "tests/golden/errors.json").read_text())


def declared() -> dict[str, Any]:
    """The catalogue as it is now."""
    return {row["code"]: {k: v for k, v in row.items() if k != "code"} for row in summarise_all()}


def breaking_changes(changelog: str) -> str:
    """The text under "Breaking" in the unreleased section."""
    unreleased = changelog.partition("## Unreleased")[2].partition("\n## ")[0]
    return unreleased.partition("### Breaking")[2].partition("\n### ")[0]


def unannounced(golden: dict[str, Any], now: dict[str, Any], changelog: str) -> list[str]:
    """Codes that are gone or changed and not named under "Breaking"."""
    named = set(re.findall(r"`([a-z_]+)`", breaking_changes(changelog)))
    return sorted(code for code in golden if now.get(code) != golden[code] and code not in named)


def test_no_released_code_changes_unannounced() -> None:
    assert unannounced(GOLDEN, declared(), (ROOT / "CHANGELOG.md").read_text()) == []


def test_every_code_stands_in_the_golden_file() -> None:
    assert sorted(set(declared()) - set(GOLDEN)) == []


def test_a_changed_code_is_noticed_unless_the_changelog_names_it() -> None:
    changed = declared() | {"not_found": {**GOLDEN["not_found"], "status": 410}}
    silent = "## Unreleased\n\n## 0.1.0"
    spoken = "## Unreleased\n\n### Breaking\n\n- `not_found` is now 410.\n\n## 0.1.0"

    assert unannounced(GOLDEN, changed, silent) == ["not_found"]
    assert unannounced(GOLDEN, changed, spoken) == []


def test_a_removed_code_is_noticed() -> None:
    fewer = {code: row for code, row in declared().items() if code != "not_found"}

    assert unannounced(GOLDEN, fewer, "## Unreleased\n") == ["not_found"]
