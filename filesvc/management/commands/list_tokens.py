"""Lists the tokens: owner, scopes, creation and expiry; never the token itself."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from filesvc.models import Token


class Command(BaseCommand):
    """`manage.py list_tokens`."""

    help = "List all tokens, one line each: key, user, scopes, created, expires."

    def handle(self, *args: Any, **options: Any) -> None:
        """Tab-separated, oldest first; the key is what revoke_token takes."""
        for token in Token.objects.select_related("user"):
            expires = token.expiry.isoformat() if token.expiry else "never"
            self.stdout.write(
                "\t".join(
                    (
                        token.token_key,
                        token.user.get_username(),
                        ",".join(token.scopes),
                        token.created.isoformat(),
                        expires,
                    )
                )
            )
