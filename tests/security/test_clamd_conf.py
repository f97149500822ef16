"""clamd's configuration is written from our settings, and a real clamd takes it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from errors import catalogue
from security.clamd_conf import render_clamd_conf
from security.malware import scan_for_malware
from tests import samples, stack
from tests.security.conftest import Stage, clamd_version, make_clamd

MIB = 1024 * 1024
TEMPLATE = (stack.ROOT / "docker/clamd.conf.template").read_text()
SINCE_1_5 = ("EnableShutdownCommand", "EnableReloadCommand", "EnableStatsCommand")


def options(version: str = "1.4.6", template: str = TEMPLATE) -> dict[str, str]:
    """The rendered options by name."""
    text = render_clamd_conf(template, Path("/run/dir"), Path("/signatures"), version)
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    names = [line.partition(" ")[0] for line in lines]
    assert len(names) == len(set(names)), "an option stands there twice"
    return {line.partition(" ")[0]: line.partition(" ")[2] for line in lines}


@pytest.mark.property
@given(
    upload_bytes=st.integers(1, 2048 * MIB - 2 * MIB),
    timeout_seconds=st.floats(1, 600),
    workers=st.integers(1, 64),
)
def test_the_limits_line_up_with_ours(
    settings: Any, upload_bytes: int, timeout_seconds: float, workers: int
) -> None:
    with override_settings(
        MAX_UPLOAD_BYTES=upload_bytes, SCAN_TIMEOUT_SECONDS=timeout_seconds, WEB_WORKERS=workers
    ):
        told = options()

    assert int(told["MaxFileSize"]) == upload_bytes + MIB
    assert told["StreamMaxLength"] == told["PCREMaxFileSize"] == told["MaxFileSize"]
    assert int(told["MaxScanSize"]) == 4 * int(told["MaxFileSize"])
    assert 0 < int(told["MaxScanTime"]) < timeout_seconds * 1000
    # A thread for each scan and each canary at once: commands are answered beside them.
    scans = workers * settings.SCANS_PER_PROCESS + settings.WORKER_CONCURRENCY
    assert int(told["MaxThreads"]) > scans + workers
    assert int(told["MaxQueue"]) > int(told["MaxThreads"])


@pytest.mark.parametrize(
    "name", ["AlertExceedsMax", "AlertEncrypted", "AlertOLE2Macros", "AlertBrokenMedia"]
)
def test_what_clamd_does_not_look_into_is_reported(name: str) -> None:
    assert options()[name] == "yes"


def test_clamd_listens_on_a_private_socket_alone() -> None:
    told = options("1.5.0")

    assert told["LocalSocket"] == "/run/dir/clamd.sock"
    assert told["LocalSocketMode"] == "660"
    assert not [name for name in told if name.startswith("TCP")]
    assert {told[name] for name in SINCE_1_5} == {"no"}


def test_verdicts_are_not_remembered_and_old_signatures_refused() -> None:
    assert options()["DisableCache"] == "yes"
    assert options()["FailIfCvdOlderThan"] == "7"


@pytest.mark.parametrize(
    ("version", "present"),
    [
        ("0.103.8", False),
        ("1.4.6", False),
        ("1.4.10", False),
        ("1.5.0", True),
        ("1.5.1-rc", True),
        ("1.10.0", True),
        ("2.0", True),
    ],
)
def test_an_option_is_left_out_for_a_clamd_that_does_not_know_it(
    version: str, present: bool
) -> None:
    told = options(version)

    assert [name in told for name in SINCE_1_5] == [present] * 3
    assert told["AlertExceedsMax"] == "yes"


def test_every_place_in_the_template_is_filled() -> None:
    assert "$" not in render_clamd_conf(TEMPLATE, Path("/r"), Path("/s"), "1.5.0")


def test_a_place_nobody_fills_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        options(template="MaxFileSize ${unknown}")


# --- a real clamd ---------------------------------------------------------------------


@pytest.fixture
def small_clamd(settings: Any) -> Iterator[str]:
    """A clamd for files of 100 kB at most; gives what it logged at its start."""
    settings.MAX_UPLOAD_BYTES = 100_000
    server = make_clamd("clamd-small")
    server.start()
    settings.CLAMD_ADDRESS = f"unix:{stack.RUN_DIR}/clamd-small/clamd.sock"
    yield (stack.RUN_DIR / "clamd-small.log").read_text()
    server.stop()
    shutil.rmtree(stack.RUN_DIR / "clamd-small")
    (stack.RUN_DIR / "clamd-small.log").unlink()


def test_a_real_clamd_takes_every_option(small_clamd: str) -> None:
    assert "File size limit set to 1148576 bytes" in small_clamd
    assert "Ignoring" not in small_clamd
    assert "ERROR" not in small_clamd


def test_a_real_clamd_looks_at_the_last_byte_of_the_largest_file(
    small_clamd: str, stage: Stage, settings: Any
) -> None:
    filler = bytes(settings.MAX_UPLOAD_BYTES - len(samples.EICAR))

    with pytest.raises(catalogue.MalwareDetected):
        scan_for_malware(stage(filler + samples.EICAR))


def test_a_real_clamd_says_so_when_a_file_is_beyond_its_limit(
    small_clamd: str, stage: Stage, settings: Any
) -> None:
    with pytest.raises(catalogue.ScanIncomplete, match="MaxFileSize"):
        scan_for_malware(stage(bytes(settings.MAX_UPLOAD_BYTES + 2 * MIB)))


def test_the_socket_of_a_real_clamd_is_closed_to_strangers() -> None:
    assert (stack.RUN_DIR / "clamd.sock").stat().st_mode & 0o007 == 0


def test_a_real_clamd_refuses_an_option_it_does_not_know(tmp_path: Path) -> None:
    conf = tmp_path / "clamd.conf"
    conf.write_text(
        render_clamd_conf(
            TEMPLATE + "NoSuchOption no\n", tmp_path, stack.ROOT / "docker", clamd_version()
        )
    )

    ended = subprocess.run(
        [str(stack.RUN_DIR / "clamd"), f"--config-file={conf}"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )

    assert ended.returncode != 0
    assert "NoSuchOption" in ended.stdout + ended.stderr
