"""What the service refuses to start with, and what it warns of."""

from __future__ import annotations

import base64
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from hypothesis import assume, given
from hypothesis import strategies as st

from filesvc import processors
from filesvc.checks import (
    check_pairs,
    check_policy,
    check_production,
    check_secrets,
    refuse_to_start,
)
from filesvc.processors.text import describe_text
from security import type_samples
from tests.config.fresh import run_python
from tests.stack import Server

E_MAGIC, E_RUNNING = "filesvc.E005", "filesvc.E010"


def ids(messages: list[Any]) -> list[str]:
    return [message.id for message in messages]


def test_the_settings_and_tables_as_they_are_raise_no_complaint() -> None:
    assert check_policy() == []
    assert run_checks() == []


def test_an_unknown_allowed_type_is_an_error_that_names_it(settings: Any) -> None:
    settings.ALLOWED_TYPES = ["image/png", "text/rtf", "image/svg+xml"]

    (message,) = check_policy()

    assert (message.id, message.is_serious()) == ("filesvc.E001", True)
    assert "image/svg+xml, text/rtf" in message.msg
    assert "image/png" not in message.msg


def test_the_check_command_fails_on_such_an_error(settings: Any) -> None:
    settings.ALLOWED_TYPES = ["text/rtf"]

    with pytest.raises(SystemCheckError, match=r"filesvc\.E001"):
        call_command("check")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"S3_ENDPOINT_URL": "https://store"}, "S3_ENDPOINT_URL has no effect without S3_BUCKET"),
        ({"S3_REGION": "eu-central-1"}, "S3_REGION has no effect without S3_BUCKET"),
        ({"S3_ADDRESSING_STYLE": "path"}, "S3_ADDRESSING_STYLE has no effect without S3_BUCKET"),
        (
            {"S3_ENCRYPTION": (("ServerSideEncryption", "AES256"),)},
            "S3_ENCRYPTION or S3_KMS_KEY_ID has no effect without S3_BUCKET",
        ),
        (
            {"S3_BUCKET": "files", "S3_CREDENTIALS": ("key", None, None)},
            "AWS_ACCESS_KEY_ID has no effect without AWS_SECRET_ACCESS_KEY",
        ),
        (
            {"S3_BUCKET": "files", "S3_CREDENTIALS": (None, "secret", None)},
            "AWS_SECRET_ACCESS_KEY has no effect without AWS_ACCESS_KEY_ID",
        ),
        (
            {"S3_BUCKET": "files", "S3_CREDENTIALS": (None, None, "session")},
            "AWS_SESSION_TOKEN has no effect without AWS_ACCESS_KEY_ID",
        ),
        (
            {"ACCEL_LOCATION": "/__kept/", "TRUSTED_PROXIES": []},
            "ACCEL_LOCATION has no effect without TRUSTED_PROXIES",
        ),
    ],
)
def test_half_of_what_works_as_a_pair_stops_the_start(
    settings: Any, given: dict[str, Any], told: str
) -> None:
    for name, value in given.items():
        setattr(settings, name, value)

    (message,) = check_pairs()

    assert (message.id, message.msg, message.is_serious()) == ("filesvc.E011", told, True)
    assert message in run_checks()
    with pytest.raises(ImproperlyConfigured, match=told):
        refuse_to_start()


@pytest.mark.parametrize(
    "given",
    [
        {"S3_BUCKET": "files", "S3_REGION": "eu-central-1", "S3_ADDRESSING_STYLE": "path"},
        {"S3_BUCKET": "files", "S3_CREDENTIALS": ("key", "secret", "session")},
        {"S3_CREDENTIALS": ("key", "secret", None)},
        {"ACCEL_LOCATION": "/__kept/", "TRUSTED_PROXIES": [ip_network("10.0.0.0/8")]},
        {"TRUSTED_PROXIES": [ip_network("10.0.0.0/8")]},
    ],
)
def test_whole_pairs_are_no_reason_to_refuse(settings: Any, given: dict[str, Any]) -> None:
    for name, value in given.items():
        setattr(settings, name, value)

    assert check_pairs() == []


@pytest.mark.parametrize(
    ("debug", "official", "expected"),
    [
        (False, True, []),
        (False, False, ["filesvc.W001"]),
        (True, True, ["filesvc.E003"]),
        (True, False, ["filesvc.E003", "filesvc.W001"]),
    ],
)
def test_production_must_not_debug_and_should_scan_with_official_signatures(
    settings: Any, expected: list[str], *, debug: bool, official: bool
) -> None:
    settings.DEBUG, settings.REQUIRE_OFFICIAL_SIGNATURES = debug, official

    assert ids(check_production()) == expected
    assert set(expected) <= set(ids(run_checks(include_deployment_checks=True)))
    assert not set(expected) & set(ids(run_checks()))


@pytest.mark.parametrize(
    "key",
    [
        "change-me-" * 5,
        "django-insecure-zx81qwerty0123456789uiop",
        "x" * 50,
        "0" * 40,
        "my-SECRET-key-for-this-small-service-123",
    ],
)
def test_a_secret_nobody_generated_is_an_error_and_is_not_told(settings: Any, key: str) -> None:
    settings.SECRET_KEY = key

    (message,) = check_secrets()

    assert (message.id, message.is_serious()) == ("filesvc.E006", True)
    assert key not in str(message)


@pytest.mark.property
@given(key=st.binary(min_size=32, max_size=32).map(base64.urlsafe_b64encode))
def test_a_generated_secret_is_taken(settings: Any, key: bytes) -> None:
    # Not those that hypothesis makes and no generator would.
    assume(len(set(key)) > 16)
    settings.SECRET_KEY = key.decode()

    assert check_secrets() == []


@pytest.mark.parametrize(
    ("database", "expected"),
    [
        ({"HOST": "db", "USER": "app", "PASSWORD": "postgres"}, ["filesvc.E007"]),
        ({"HOST": "db", "USER": "app", "PASSWORD": "app"}, ["filesvc.E007"]),
        ({"HOST": "db", "USER": "app", "PASSWORD": "changeme9"}, ["filesvc.E007"]),
        ({"HOST": "db", "USER": "app", "PASSWORD": "Vq3mT0yLr8W"}, ["filesvc.E007"]),
        ({"HOST": "db", "USER": "app", "PASSWORD": "Vq3mT0yLr8Wc"}, []),
        ({"HOST": "db", "USER": "app", "PASSWORD": ""}, []),
        ({"HOST": "/run/postgresql", "USER": "app", "PASSWORD": "app"}, []),
        ({"NAME": "db.sqlite3"}, []),
    ],
)
def test_a_weak_password_is_an_error_where_it_counts(
    monkeypatch: pytest.MonkeyPatch, settings: Any, database: dict[str, str], expected: list[str]
) -> None:
    monkeypatch.setitem(settings.DATABASES, "default", database)

    messages = check_secrets()

    assert ids(messages) == expected
    if expected:
        assert database["PASSWORD"] not in str(messages).replace("DATABASE_URL", "")


def test_a_libmagic_that_does_not_know_a_type_is_an_error_that_names_both(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(type_samples.SAMPLES, "application/pdf", b"%!PS-Adobe-3.0")

    messages = [one for one in run_checks(include_deployment_checks=True) if one.id == E_MAGIC]

    assert "application/pdf (application/postscript)" in messages[0].msg
    assert E_MAGIC not in ids(run_checks())
    with pytest.raises(ImproperlyConfigured, match="application/pdf"):
        refuse_to_start()


def test_a_processor_without_a_type_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(processors.PROCESSORS, "text/rtf", describe_text)

    messages = run_checks(include_deployment_checks=True)

    assert [one.msg for one in messages if one.id == "filesvc.E008"] == [
        "in one of policy and processors only: text/rtf"
    ]


@pytest.mark.django_db
def test_running_parts_are_asked_only_when_the_database_is_named(
    servers: dict[str, Server],
) -> None:
    with servers["clamd"].stopped():
        asked = run_checks(include_deployment_checks=True, databases=["default"])
        assert E_RUNNING not in ids(run_checks(include_deployment_checks=True))
        assert E_RUNNING not in ids(run_checks(databases=["default"]))

    told = {one.msg: one.hint for one in asked if one.id == E_RUNNING}
    assert "start clamd" in str(told["scanner: scanner_unavailable"])
    assert any(message.startswith("largest stream") for message in told)


def test_a_deployment_is_told_of_nothing_that_it_cannot_change() -> None:
    key = "only-for-tests-" + "0123456789abcdefghijklmnopqrstuvwxyz"
    told = run_python(
        "manage.py", "check", "--deploy", REQUIRE_OFFICIAL_SIGNATURES="true", SECRET_KEY=key
    )

    assert told.returncode == 0
    assert "WARNINGS" not in told.stderr


def test_what_is_right_starts() -> None:
    refuse_to_start()


def test_a_web_process_with_a_placeholder_for_a_secret_does_not_start(tmp_path: Path) -> None:
    told = run_python(
        "-c", "import config.wsgi", SECRET_KEY="change-me-" * 5, STORAGE_ROOT=str(tmp_path)
    )

    assert told.returncode == 1
    assert told.stderr.splitlines()[-1].endswith("SECRET_KEY is a placeholder")


def test_a_command_with_a_placeholder_for_a_secret_does_not_start(tmp_path: Path) -> None:
    told = run_python("manage.py", "sweep", "--once", SECRET_KEY="change-me-" * 5)

    assert told.returncode == 1
    assert "filesvc.E006" in told.stderr


def test_no_command_pays_for_what_only_a_deployment_needs(tmp_path: Path) -> None:
    program = (
        "import sys, django; django.setup(); from django.core.checks import run_checks;"
        "run_checks(); print([name for name in ('PIL', 'pikepdf', 'filesvc.doctor')"
        " if name in sys.modules])"
    )

    assert run_python("-c", program, DJANGO_SETTINGS_MODULE="config.settings").stdout == "[]\n"
