"""Names in the files of settings that are nearly those of a setting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from filesvc.doctor.finding import Finding
from filesvc.doctor.settings import examine_names
from tests.filesvc.doctor.seeing import see


def findings_of(written: str, folder: Path, settings: Any) -> dict[str, Finding]:
    """What is found where a file of settings holds this."""
    path = folder / "env"
    path.write_text(written)
    settings.ENV_FILES = (path, folder / "missing")
    return see(examine_names)


@pytest.mark.parametrize("name", ["UPLOAD_RATES", "UPLOADRATE", "upload_rat"])
def test_a_misspelt_name_is_told_with_the_one_that_was_meant(
    name: str, tmp_path: Path, settings: Any
) -> None:
    seen = findings_of(f"SECRET_KEY=x\n{name}=very-secret\n", tmp_path, settings)["setting names"]

    assert str(seen.state) == "warning"
    assert name in seen.told
    assert "UPLOAD_RATE" in seen.remedy
    assert "very-secret" not in str(seen)


def test_settings_comments_and_names_of_other_programs_are_nothing_to_tell(
    tmp_path: Path, settings: Any
) -> None:
    written = "UPLOAD_RATE=1/m\n# UPLOAD_RATES=2/m\nHTTP_PORT=8080\nPOSTGRES_PASSWORD=x\n"

    assert findings_of(written, tmp_path, settings) == {}
