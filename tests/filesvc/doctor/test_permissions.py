"""Folders, sockets and files that others may use, or that we may not."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from filesvc.doctor.permissions import examine_folders, examine_settings_files, examine_sockets
from tests.filesvc.doctor.seeing import see, states

FOLDERS = ("staging", "files", "previews")


def test_a_store_of_our_own_is_well(storage: Path) -> None:
    seen = states(see(examine_folders))

    assert seen == dict.fromkeys(["store", *(f"store {name}" for name in FOLDERS)], "ok")


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_that_others_may_enter_is_told(storage: Path, name: str) -> None:
    (storage / name).chmod(0o750)

    seen = see(examine_folders)

    assert [one for one, state in states(seen).items() if state != "ok"] == [f"store {name}"]
    assert seen[f"store {name}"].remedy == f"chmod 700 {storage / name}"


def test_a_store_that_others_may_write_into_is_told(storage: Path) -> None:
    storage.chmod(0o770)

    assert states(see(examine_folders))["store"] == "failed"


def test_a_folder_that_is_missing_is_told(storage: Path) -> None:
    (storage / "previews").rmdir()

    seen = see(examine_folders)["store previews"]

    assert (str(seen.state), seen.told) == ("failed", "is not there: FileNotFoundError")


def test_a_store_of_somebody_else_is_told(storage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: storage.stat().st_uid + 1)

    assert set(states(see(examine_folders)).values()) == {"warning"}


def test_what_lies_in_a_bucket_needs_no_folders_but_staging(storage: Path, settings: Any) -> None:
    settings.S3_BUCKET = "kept"

    assert set(see(examine_folders)) == {"store", "store staging"}


def test_the_sockets_of_this_run_are_well() -> None:
    assert set(states(see(examine_sockets))) == {"socket scanner", "socket broker", "socket cache"}


@pytest.mark.parametrize(
    ("make", "state", "told"),
    [
        ("nothing", "failed", "is not there"),
        ("file", "failed", "is no socket"),
        ("open", "warning", "everybody on this machine"),
        ("private", "ok", "may be used by this user"),
    ],
)
def test_a_socket_is_told_by_who_may_use_it(
    tmp_path: Path, settings: Any, make: str, state: str, told: str
) -> None:
    path = tmp_path / "s"
    settings.CLAMD_ADDRESS = f"unix:{path}"
    with socket.socket(socket.AF_UNIX) as listening:
        if make == "file":
            path.touch()
        elif make != "nothing":
            listening.bind(str(path))
            path.chmod(0o666 if make == "open" else 0o660)
        seen = see(examine_sockets)["socket scanner"]

    assert (str(seen.state), told in seen.told) == (state, True)


def test_a_part_with_an_address_has_no_socket(settings: Any) -> None:
    settings.CLAMD_ADDRESS = "tcp://127.0.0.1:3310"
    settings.BROKER_URL = "redis://127.0.0.1:6379/0"

    assert set(see(examine_sockets)) == {"socket cache"}


@pytest.mark.parametrize(("mode", "state"), [(0o600, "ok"), (0o640, "failed"), (0o604, "failed")])
def test_a_file_with_secrets_is_read_by_us_alone(
    tmp_path: Path, settings: Any, mode: int, state: str
) -> None:
    kept = tmp_path / "env"
    kept.touch()
    kept.chmod(mode)
    settings.ENV_FILES = (kept, tmp_path / "missing")

    assert states(see(examine_settings_files)) == {"file env": state}


def test_what_this_user_may_not_use_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    # As it is for a user that is not root, who may be running this.
    monkeypatch.setattr(os, "access", lambda *args: False)

    seen = see(examine_folders, examine_sockets)

    assert set(states(seen).values()) == {"failed"}
    assert seen["store"].told == "this user cannot write there"
    assert seen["socket broker"].told == "may not be used by this user"
