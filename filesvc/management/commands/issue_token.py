"""Issues a token and prints it, alone, on standard output; it is never shown again."""

from __future__ import annotations

import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from filesvc.issuing import issue_token
from security.tokens import Scope

DEFAULT_SCOPES = "upload,read,delete"
MAX_NAME_LENGTH = 150  # of a user in Django


class Command(BaseCommand):
    """`manage.py issue_token NAME [--scopes upload,read] [--ttl-hours N]`."""

    help = "Print a new token for the user NAME, who is created when missing."

    def add_arguments(self, parser: CommandParser) -> None:
        """One name, and two options."""
        parser.add_argument("name", help="user the token speaks for")
        parser.add_argument(
            "--scopes",
            default=DEFAULT_SCOPES,
            help=f"some of {','.join(Scope)}; {DEFAULT_SCOPES} when left out",
        )
        parser.add_argument("--ttl-hours", type=float, help="lifetime in hours; none when left out")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the token alone, so that a script can take it."""
        scopes = parse_scopes(options["scopes"])
        lifetime = parse_lifetime(options["ttl_hours"])
        name = parse_name(options["name"])
        _, token = issue_token(name, scopes, lifetime, name)
        self.stdout.write(token)


def parse_name(text: str) -> str:
    """A user name that is one column of `list_tokens`."""
    if not text.strip() or not text.isprintable() or len(text) > MAX_NAME_LENGTH:
        raise CommandError(f"NAME must have 1 to {MAX_NAME_LENGTH} printable characters")
    return text


def parse_scopes(text: str) -> list[str]:
    """The scopes, each known and once."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = sorted(set(names) - set(Scope))
    if unknown or not names:
        raise CommandError(f"scopes are {', '.join(Scope)}")
    return sorted(set(names))


def parse_lifetime(hours: float | None) -> datetime.timedelta | None:
    """How long the token lives; None is for ever."""
    if hours is None:
        return None
    if not 0 < hours <= 24 * 3650:
        raise CommandError("--ttl-hours must be positive, and ten years at most")
    return datetime.timedelta(hours=hours)
