"""Who a request speaks for: bearer tokens, their scopes, and nothing else."""

from __future__ import annotations

import enum
import hmac
import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from django.contrib.auth import get_user_model
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone
from knox.crypto import hash_token
from knox.models import get_token_model
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from errors import catalogue
from security.rate_limit import check_usage, count_auth_failure

Answer = TypeVar("Answer")

_BEARER = re.compile(r"bearer +(?P<token>[\x21-\x7e]+)", re.IGNORECASE)
# Longer than a lost connection takes to tell, shorter than any time-out.
LOST_SECONDS = 0.5
_NO_TOKEN = "-"  # noqa: S105 - hashed and looked up like a real one, for the same timing


class Scope(enum.StrEnum):
    """What a token may do. `admin` widens what is seen and grants no verb of its own."""

    UPLOAD = "upload"
    READ = "read"
    DELETE = "delete"
    ADMIN = "admin"


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`, one query, nothing deleted, nothing else accepted.

    Not knox's authenticator: it deletes an expired token on first use, selects every token
    of a user per request and crashes on bytes that are not text (measured).
    """

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """Raises InvalidToken, TokenExpired, RateLimited."""
        header = request.META.get("HTTP_AUTHORIZATION")
        if header is None:
            return None
        try:
            token = find_token(header)
        except catalogue.InvalidToken:
            # Only failures are counted and refused: a neighbour's bad tokens behind the same
            # address must not lock out a good one.
            check_usage(count_auth_failure(request))
            raise
        structlog.contextvars.bind_contextvars(user_id=token.user_id, token_key=token.token_key)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        """DRF answers 401 and not 403 because this is not empty."""
        return 'Bearer realm="filesvc"'


def find_token(header: str) -> Any:
    """The token behind an Authorization header, with its user, in one query.

    Unknown, revoked and malformed tokens and those of a disabled user take the same path
    and get the same answer. Raises InvalidToken, TokenExpired.
    """
    match = _BEARER.fullmatch(header)
    digest = hash_token(match["token"] if match else _NO_TOKEN)
    token = ask_first(lambda: read_token(digest))
    if token is None or not hmac.compare_digest(token.digest, digest) or not token.user.is_active:
        raise catalogue.InvalidToken()
    if token.expiry is not None and token.expiry <= timezone.now():
        raise catalogue.TokenExpired()
    return token


def read_token(digest: str) -> Any | None:
    """The token with its user, of whom the rest is read only when it is asked for.

    As SQL, because Django takes 0.9 ms to write and read the query of every request, and this
    0.3 (measured).
    """
    user, token = get_user_model(), get_token_model()
    # The names are those of our own tables.
    sql = (
        f"SELECT token.*, owner.{user.USERNAME_FIELD} AS owner_name, owner.is_active AS is_active"  # noqa: S608
        f" FROM {token._meta.db_table} token JOIN {user._meta.db_table} owner"
        " ON owner.id = token.user_id WHERE token.digest = %s"
    )
    found = next(iter(token.objects.raw(sql, [digest])), None)
    if found is not None:
        columns = ("id", user.USERNAME_FIELD, "is_active")
        values = (found.user_id, found.owner_name, bool(found.is_active))
        found.user = user.from_db(found._state.db, columns, values)
    return found


def ask_first(ask: Callable[[], Answer]) -> Answer:
    """The first query of a request, which finds out whether the kept connection still works.

    Django would ask that by a query of its own before each request. A connection that was lost
    meanwhile tells at once, and then the query goes out on a new one; a database that takes
    its time is not asked twice.
    """
    connection.health_check_done = True  # type: ignore[attr-defined]  # the stubs leave it out
    asked_at = time.monotonic()
    try:
        return ask()
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block or time.monotonic() - asked_at > LOST_SECONDS:
            raise
        connection.close()
        return ask()


class HasScope(BasePermission):
    """Lets a request through when its token carries the scope the view asks for that method.

    A view that names no scope for a method lets nobody through: it declares
    `scopes = {"GET": Scope.READ}` or is public by its own permission classes.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        """Raises AuthenticationRequired, PermissionDenied, InsufficientScope."""
        if request.auth is None:
            raise catalogue.AuthenticationRequired()
        method = "GET" if request.method == "HEAD" else request.method
        if method in view.allowed_methods and method not in view.scopes:
            raise catalogue.PermissionDenied(note="no scope named")
        # A method nobody answers to is refused next, once the client may see the address.
        scope = view.scopes.get(method) or next(iter(view.scopes.values()))
        if scope not in token_of(request).scopes:
            raise catalogue.InsufficientScope(required_scope=scope)
        return True


def token_of(request: Request) -> Any:
    """Our token, which DRF keeps beside the user."""
    return request.auth


def sees_everyone(request: Request) -> bool:
    """True when the token may see the files of every owner."""
    return Scope.ADMIN in token_of(request).scopes
