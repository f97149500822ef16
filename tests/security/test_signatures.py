"""Which signatures the scanner works with, how old they are, and whether that will do."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from errors import catalogue
from security import signatures
from security.malware import scan_for_malware
from security.signatures import (
    MAX_AGE,
    TEST_ONLY,
    Scanner,
    ask_version,
    check_signatures,
    current_scanner,
    parse_version,
)
from tests import stack
from tests.client import call, upload
from tests.conftest import assert_nothing_kept, assert_problem
from tests.security.conftest import Stage
from tests.security.fake_clamd import FakeClamd, Script

CLEAN = Script([b"fd[1]: OK\0"])
VERSION_FORM = "%a %b %e %H:%M:%S %Y"


def official(age: timedelta) -> bytes:
    """The version line of a clamd whose official set has that age."""
    built_at = timezone.now() - age
    return f"ClamAV 1.4.6/27456/{built_at.strftime(VERSION_FORM)}\0".encode()


# --- the version line -----------------------------------------------------------------


@pytest.mark.property
@given(
    engine=st.from_regex(r"[0-9]{1,2}(\.[0-9]{1,3}){1,2}(-rc[0-9]?|-beta)?", fullmatch=True),
    number=st.integers(0, 10**6),
    built_at=st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1)),  # noqa: DTZ001
    form=st.sampled_from([VERSION_FORM, "%a %b %d %H:%M:%S %Y"]),
)
def test_an_official_set_is_told_by_number_and_date(
    engine: str, number: int, built_at: datetime, form: str
) -> None:
    line = f"ClamAV {engine}/{number}/{built_at.strftime(form)}"

    moment = built_at.replace(microsecond=0, tzinfo=UTC)
    assert parse_version(line) == Scanner(f"ClamAV {engine}", str(number), moment)


def test_a_set_without_number_is_the_bundled_one() -> None:
    scanner = parse_version("ClamAV 1.4.6")

    assert scanner == Scanner("ClamAV 1.4.6", TEST_ONLY, None)
    assert scanner.age is None


def test_a_line_end_does_not_matter() -> None:
    assert parse_version("ClamAV 1.4.6\n") == parse_version("ClamAV 1.4.6")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "PONG",
        "ClamAV",
        "ClamAV ",
        "clamav 1.4.6",
        "xClamAV 1.4.6",
        "ClamAV 1.4.6/",
        "ClamAV 1.4.6/27456",
        "ClamAV 1.4.6/27456/",
        "ClamAV 1.4.6/27456/yesterday",
        "ClamAV 1.4.6/27456/Mon Foo 10 09:12:01 2025",
        "ClamAV 1.4.6/27456/Mon Nov 31 09:12:01 2025",
        "ClamAV 1.4.6/x/Mon Nov 10 09:12:01 2025",
        "ClamAV 1.4.6/27456/Mon Nov 10 09:12:01 2025\nClamAV 1.4.6",
        "UNKNOWN COMMAND",
        "ClamAV 1.4.6 ERROR",
    ],
)
def test_another_line_is_a_scanner_error(line: str) -> None:
    with pytest.raises(catalogue.ScannerError):
        parse_version(line)


@pytest.mark.property
@given(st.text(max_size=60) | st.text("ClamAV 1.4/6MonNov:ERO\n", max_size=40))
def test_garbage_is_never_taken_for_an_official_set(line: str) -> None:
    try:
        scanner = parse_version(line)
    except catalogue.ScannerError:
        return
    assert line.strip().startswith(f"{scanner.engine}")
    assert (scanner.updated_at is None) == (scanner.signatures == TEST_ONLY) == ("/" not in line)


# --- is it enough? --------------------------------------------------------------------


@pytest.mark.property
@given(st.integers(-(10**6), 10**8))
@override_settings(REQUIRE_OFFICIAL_SIGNATURES=True)
def test_seven_days_are_the_limit(seconds: int) -> None:
    age = timedelta(seconds=seconds)
    scanner = Scanner("ClamAV 1.4.6", "27456", timezone.now() - age)

    if age < MAX_AGE:
        check_signatures(scanner)
        return
    with pytest.raises(catalogue.ScannerUnavailable) as refused:
        check_signatures(scanner)
    assert refused.value.note == "signatures are stale"


def test_the_limit_is_seven_days() -> None:
    assert MAX_AGE.days == 7


def test_the_bundled_set_has_no_age_and_is_never_stale() -> None:
    check_signatures(Scanner("ClamAV 1.4.6", TEST_ONLY, None))


@pytest.mark.django_db
def test_an_operator_may_refuse_the_bundled_set(token: str, storage: Path, settings: Any) -> None:
    settings.REQUIRE_OFFICIAL_SIGNATURES = True

    assert_problem(upload(token, b"hello"), 503, "scanner_unavailable")
    assert_nothing_kept(storage)
    readiness = assert_problem(call("GET", "/health/ready"), 503, "service_unavailable")
    assert readiness["meta"]["failing"] == ["scanner"]


def test_stale_signatures_refuse_before_the_file_is_scanned(stage: Stage, settings: Any) -> None:
    with FakeClamd(CLEAN, official(timedelta(days=8)), folder=stack.RUN_DIR) as fake:
        settings.CLAMD_ADDRESS = fake.address
        with pytest.raises(catalogue.ScannerUnavailable):
            scan_for_malware(stage(b"hello"))

    assert fake.commands == [b"zVERSION"]


def test_fresh_official_signatures_stand_in_the_certificate(stage: Stage, settings: Any) -> None:
    settings.REQUIRE_OFFICIAL_SIGNATURES = True
    with FakeClamd(CLEAN, official(timedelta(days=6)), folder=stack.RUN_DIR) as fake:
        settings.CLAMD_ADDRESS = fake.address
        clean = scan_for_malware(stage(b"hello"))

    assert (clean.scan.engine, clean.scan.signatures) == ("ClamAV 1.4.6", "27456")


@pytest.mark.parametrize("version", [b"", b"PONG\0", b"\xff\xfe\0", b"ClamAV 1.4.6/1/x\0"])
def test_a_scanner_that_cannot_say_what_it_is_scans_nothing(
    version: bytes, stage: Stage, settings: Any
) -> None:
    with FakeClamd(CLEAN, version, folder=stack.RUN_DIR) as fake:
        settings.CLAMD_ADDRESS = fake.address
        with pytest.raises(catalogue.ScannerError):
            scan_for_malware(stage(b"hello"))

    assert fake.commands == [b"zVERSION"]


# --- asking and remembering -----------------------------------------------------------


def test_the_real_scanner_tells_its_version() -> None:
    scanner = ask_version()

    assert scanner.engine.startswith("ClamAV ")
    assert scanner.signatures == TEST_ONLY


def test_the_answer_is_remembered_for_a_while(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = current_scanner()
    settings.CLAMD_ADDRESS = "unix:/nobody"
    assert current_scanner() is first

    later = time.monotonic() + signatures.REMEMBERED_SECONDS + 1
    monkeypatch.setattr(signatures, "time", SimpleNamespace(monotonic=lambda: later))
    with pytest.raises(catalogue.ScannerUnavailable):
        current_scanner()


def test_a_failure_is_believed_for_a_second_and_no_longer(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(monotonic=lambda: 1000.0)
    monkeypatch.setattr(signatures, "time", clock)
    address = settings.CLAMD_ADDRESS
    settings.CLAMD_ADDRESS = "unix:/nobody"
    with pytest.raises(catalogue.ScannerUnavailable):
        current_scanner()

    settings.CLAMD_ADDRESS = address
    with pytest.raises(catalogue.ScannerUnavailable):
        current_scanner()
    clock.monotonic = lambda: 1001.01
    assert current_scanner().engine.startswith("ClamAV ")
