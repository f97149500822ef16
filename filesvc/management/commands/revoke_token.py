"""Revokes a token at once."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from filesvc.issuing import revoke_token
from filesvc.models import Token


class Command(BaseCommand):
    """`manage.py revoke_token KEY`."""

    help = "Revoke the token whose key (see list_tokens) or whole text is given."

    def add_arguments(self, parser: CommandParser) -> None:
        """One key."""
        parser.add_argument("key", help="the first 15 characters of the token, or all of it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Delete it; a key that fits none is an error."""
        found = Token.objects.filter(token_key=options["key"][:15])
        if not [token for token in found if revoke_token(token)]:
            raise CommandError("no such token")
        self.stdout.write("revoked")
