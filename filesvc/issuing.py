"""Issues and revokes tokens; both are logged, the token itself never is."""

from __future__ import annotations

import datetime

import structlog
from django.contrib.auth import get_user_model

from filesvc.models import Token

log = structlog.get_logger("tokens")


def issue_token(
    user_name: str, scopes: list[str], lifetime: datetime.timedelta | None, name: str
) -> tuple[Token, str]:
    """The row and the token, which is told this once; the user is created when missing."""
    user, _ = get_user_model().objects.get_or_create(username=user_name)
    made, text = Token.objects.create(user, expiry=lifetime, name=name, scopes=scopes)
    expires = made.expiry.isoformat() if made.expiry else None
    log.info(
        "token.issued",
        user_id=user.pk,
        token_key=made.token_key,
        scopes=scopes,
        expires=expires,
    )
    return made, text


def revoke_token(token: Token) -> bool:
    """Out of force at once; False when somebody else was first."""
    deleted, _ = Token.objects.filter(pk=token.pk).delete()
    if deleted:
        log.info("token.revoked", user_id=token.user_id, token_key=token.token_key)
    return bool(deleted)
