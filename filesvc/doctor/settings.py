"""Do the settings and tables agree with each other? Asked of the start-up checks."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.checks import run_checks

from filesvc.doctor.finding import Finding, fail, ok, warn


def examine_settings() -> Iterator[Finding]:
    """What `check --deploy` says of this project; Django's own advice on sites is left to it."""
    found = [
        message
        for message in run_checks(include_deployment_checks=True)
        if (message.id or "").startswith("filesvc.")
    ]
    for message in found:
        tell = fail if message.is_serious() and message.level >= 40 else warn
        yield tell("settings", message.msg, message.hint or "correct it in the environment")
    if not found:
        yield ok("settings", "they agree with each other, no secret is a placeholder")
