"""docker/make-env writes secrets that nobody else has, once."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from dotenv import dotenv_values

ROOT = Path(__file__).resolve().parents[2]
SECRETS = {"SECRET_KEY", "POSTGRES_PASSWORD", "BROKER_PASSWORD", "CACHE_PASSWORD"}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with the script alone."""
    (tmp_path / "docker").mkdir()
    shutil.copy2(ROOT / "docker/make-env", tmp_path / "docker/make-env")
    return tmp_path


def make_env(clone: Path) -> dict[str, str | None]:
    subprocess.run([clone / "docker/make-env"], check=True, capture_output=True)
    return dotenv_values(clone / ".env")


def test_every_secret_is_long_its_own_and_readable_by_its_owner_alone(clone: Path) -> None:
    told = make_env(clone)

    secrets = [str(told[name]) for name in SECRETS]
    assert all(len(secret) == 64 and secret.isalnum() for secret in secrets)
    assert len(set(secrets)) == len(secrets)
    assert (clone / ".env").stat().st_mode & 0o777 == 0o600


def test_what_is_there_stays_and_what_is_empty_is_filled(clone: Path) -> None:
    (clone / ".env").write_text("UPLOAD_RATE=5/m\nSECRET_KEY=\nCACHE_PASSWORD=mine\n")

    told = make_env(clone)
    again = make_env(clone)

    assert (told["UPLOAD_RATE"], told["CACHE_PASSWORD"]) == ("5/m", "mine")
    assert told["SECRET_KEY"]
    assert again == told
