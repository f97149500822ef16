"""Refuses to start when the settings or the tables disagree with each other.

What runs when: the cheap ones with every command of `manage.py` and when a web process starts;
what loads every decoder with `check --deploy`; what asks running dependencies with
`check --deploy --database default`, and with `doctor`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured

from filesvc.deadlines import (
    VISIBILITY_SECONDS,
    deadlines_in_order,
    task_hard_seconds,
    task_parts,
)
from security.policy import BY_MEDIA_TYPE, TYPES
from security.weak_secrets import is_weak


@register(Tags.compatibility)
def check_policy(**kwargs: Any) -> list[CheckMessage]:
    """Every type listed is known."""
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


@register(Tags.compatibility)
def check_pairs(**kwargs: Any) -> list[CheckMessage]:
    """No setting is without the one that gives it a meaning; its silence would mislead."""
    return [
        Error(f"{name} has no effect without {missing}", hint=hint, id="filesvc.E011")
        for name, missing, hint in _find_halves()
    ]


def _find_halves() -> Iterator[tuple[str, str, str]]:
    """What is set, what it lacks, and what to do about it."""
    key, secret, session = settings.S3_CREDENTIALS
    if not settings.S3_BUCKET:
        hint = "name the bucket, or files stay in STORAGE_ROOT: then leave S3_* out"
        yield from ((name, "S3_BUCKET", hint) for name in _s3_settings())
    if key and not secret:
        yield "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "set both or none"
    if secret and not key:
        yield "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "set both or none"
    if session and not key:
        yield "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID", "set all three or none"
    if settings.ACCEL_LOCATION and not settings.TRUSTED_PROXIES:
        yield "ACCEL_LOCATION", "TRUSTED_PROXIES", "name the nginx in front, by its address"


def _s3_settings() -> list[str]:
    """Those of the bucket that were given a value; credentials may be there for others."""
    given = {
        "S3_ENDPOINT_URL": settings.S3_ENDPOINT_URL,
        "S3_REGION": settings.S3_REGION,
        "S3_ADDRESSING_STYLE": settings.S3_ADDRESSING_STYLE != "auto",
        "S3_ENCRYPTION or S3_KMS_KEY_ID": settings.S3_ENCRYPTION,
    }
    return [name for name, value in given.items() if value]


@register(Tags.compatibility)
def check_task_limits(**kwargs: Any) -> list[CheckMessage]:
    """No task may still run when the broker gives it to another worker."""
    if task_hard_seconds() < VISIBILITY_SECONDS:
        return []
    told = f"a task may take {task_hard_seconds():g} s, the broker waits {VISIBILITY_SECONDS} s"
    parts = ", ".join(f"{name} {seconds:g} s" for name, seconds in task_parts().items())
    return [Error(told, hint=f"lower a part that is a setting: {parts}", id="filesvc.E012")]


@register(Tags.security)
def check_secrets(**kwargs: Any) -> list[CheckMessage]:
    """No secret is the one of an example."""
    messages: list[CheckMessage] = []
    if is_weak(settings.SECRET_KEY):
        messages.append(
            Error(
                "SECRET_KEY is a placeholder",
                hint="python3 -c 'import secrets; print(secrets.token_urlsafe(48))' makes one",
                id="filesvc.E006",
            )
        )
    if _has_weak_password(settings.DATABASES["default"]):
        messages.append(
            Error(
                "the password in DATABASE_URL is short, an example or its user's name",
                hint="give the database's user another one",
                id="filesvc.E007",
            )
        )
    return messages


@register(Tags.compatibility, deploy=True)
def check_libmagic(**kwargs: Any) -> list[CheckMessage]:
    """libmagic knows a sample of each allowed type; another version may not (10 ms, measured)."""
    from security.type_samples import find_unknown_types  # loads libmagic

    unknown = find_unknown_types()
    if not unknown:
        return []
    return [
        Error(
            f"libmagic does not know: {', '.join(unknown)}",
            hint="install libmagic1 and its database, version 5.44 or later",
            id="filesvc.E005",
        )
    ]


@register(Tags.compatibility, deploy=True)
def check_processors(**kwargs: Any) -> list[CheckMessage]:
    """Policy and processors name the same types.

    Not at the start of a web process: to know them is to load every decoder.
    """
    from filesvc.processors import PROCESSORS

    differing = sorted(set(PROCESSORS) ^ {row.media_type for row in TYPES})
    if not differing:
        return []
    return [
        Error(f"in one of policy and processors only: {', '.join(differing)}", id="filesvc.E008")
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
                hint="set it to true in production",
                id="filesvc.W001",
            )
        )
    return messages


@register(Tags.database, deploy=True)
def check_running_parts(databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """What only the running dependencies can tell; `doctor` tells it too, and more.

    Asked for by `--database`, as Django's own checks of a running database are.
    """
    if not databases:
        return []
    from filesvc.doctor import examine, groups
    from filesvc.doctor.finding import State

    found = examine((groups.DEPENDENCIES, groups.LIMITS))
    return [
        Error(f"{finding.name}: {finding.told}", hint=finding.remedy, id="filesvc.E010")
        for finding in found
        if finding.state in (State.FAILED, State.UNKNOWN)
    ]


def refuse_to_start() -> None:
    """For a process that serves: what it needs no other process to know.

    Raises ImproperlyConfigured, a line for each mistake.
    """
    checks = (check_policy, check_deadlines, check_pairs, check_secrets, check_libmagic)
    mistakes = [message.msg for check in checks for message in check()]
    if mistakes:
        raise ImproperlyConfigured("\n".join(mistakes))


def _has_weak_password(database: dict[str, Any]) -> bool:
    """Where a password counts: over a network. None at all may mean a certificate."""
    password, host = str(database.get("PASSWORD") or ""), str(database.get("HOST") or "")
    if not password or not host or host.startswith("/"):
        return False
    return is_weak(password, user=str(database.get("USER")))
