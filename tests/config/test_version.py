"""The version is what the change log's first numbered heading says."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import version
from config.version import read_version

NUMBERS = st.tuples(*[st.integers(0, 999)] * 3).map(lambda three: ".".join(map(str, three)))


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A change log of this test alone."""
    monkeypatch.setattr(version, "BASE_DIR", tmp_path)
    return tmp_path / "CHANGELOG.md"


@pytest.mark.property
@given(numbers=st.lists(NUMBERS, min_size=1, max_size=4), is_unreleased=st.booleans())
def test_the_first_numbered_heading_is_the_version(
    told: Path, numbers: list[str], is_unreleased: bool
) -> None:
    headings = [f"## {number} - some day" for number in numbers]
    before = ["# Changes", "see ## 9.9.9", *["## Unreleased"] * is_unreleased]
    told.write_text("\n".join([*before, *headings]))

    assert read_version() == numbers[0]


def test_a_change_log_without_a_version_stops_the_start_in_one_line(told: Path) -> None:
    told.write_text("# Changes\n\n## Unreleased\n")

    with pytest.raises(SystemExit, match=r"^CHANGELOG\.md names no version$"):
        read_version()
