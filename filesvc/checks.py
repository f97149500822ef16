"""Refuses to start when the settings or the tables disagree with each other."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from filesvc.deadlines import deadlines_in_order
from security.policy import BY_MEDIA_TYPE


@register(Tags.compatibility)
def check_policy(**kwargs: Any) -> list[CheckMessage]:
    """Every type listed is known.

    That every processor has its type is left to a test: to know them is to load every decoder
    into the processes that serve requests.
    """
    unknown = sorted(set(settings.ALLOWED_TYPES) - set(BY_MEDIA_TYPE))
    if not unknown:
        return []
    return [Error(f"ALLOWED_TYPES names unknown types: {', '.join(unknown)}", id="filesvc.E001")]


@register(Tags.compatibility)
def check_deadlines(**kwargs: Any) -> list[CheckMessage]:
    """Whoever waits inside gives up before whoever waits outside."""
    return [
        Error(f"{inner} must be shorter than {outer} deadline", id="filesvc.E004")
        for (inner, inner_seconds), (outer, outer_seconds) in pairwise(deadlines_in_order())
        if inner_seconds >= outer_seconds
    ]


@register(Tags.security, deploy=True)
def check_production(**kwargs: Any) -> list[CheckMessage]:
    """What a production system must not run with."""
    messages: list[CheckMessage] = []
    if settings.DEBUG:
        messages.append(Error("DEBUG is on", id="filesvc.E003"))
    if not settings.REQUIRE_OFFICIAL_SIGNATURES:
        messages.append(
            Warning(
                "REQUIRE_OFFICIAL_SIGNATURES is off: the test set may do the scanning",
                id="filesvc.W001",
            )
        )
    return messages
