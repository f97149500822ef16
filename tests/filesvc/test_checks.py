"""What the service refuses to start with, and what it warns of."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from filesvc.checks import check_policy, check_production


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
