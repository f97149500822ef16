"""How often a token and an address may upload, and an address may send bad tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django_ratelimit.core import _split_rate, get_usage

from errors import catalogue
from security.client_address import client_address


@dataclass(frozen=True)
class RateUsage:
    """How much of one window is used: counts in requests, times in seconds."""

    policy: str
    limit: int
    used: int
    window_seconds: int
    resets_in_seconds: int

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)

    @property
    def headers(self) -> dict[str, str]:
        """RateLimit fields (draft-ietf-httpapi-ratelimit-headers)."""
        return {
            "RateLimit-Policy": f'"{self.policy}";q={self.limit};w={self.window_seconds}',
            "RateLimit": f'"{self.policy}";r={self.left};t={self.resets_in_seconds}',
        }


def count_upload(request: HttpRequest, token_id: str) -> tuple[RateUsage, RateUsage]:
    """Count this upload for its token and for its address, in this order."""
    by_token = count("upload", request, token_id, settings.UPLOAD_RATE)
    by_address = count("address", request, client_address(request.META), settings.ADDRESS_RATE)
    return by_token, by_address


def check_usage(*usages: RateUsage) -> None:
    """Raises RateLimited, naming every window that is used up."""
    exceeded = [usage for usage in usages if usage.used > usage.limit]
    if exceeded:
        raise refusal(*exceeded)


def count_auth_failure(request: HttpRequest) -> RateUsage:
    """Count one bad token for its address."""
    address = client_address(request.META)
    return count("auth_failure", request, address, settings.AUTH_FAILURE_RATE)


def refusal(*exceeded: RateUsage) -> catalogue.RateLimited:
    """The 429: every window must have passed before the next try can succeed."""
    return catalogue.RateLimited(
        violated_policies=[usage.policy for usage in exceeded],
        retry_after_seconds=max(usage.resets_in_seconds for usage in exceeded),
    )


def count(policy: str, request: HttpRequest, key: str, rate: str) -> RateUsage:
    """Ask django-ratelimit, whose answer is only believed when it is one.

    Its `limit 0` and its negative `time_left` mean that the cache failed.
    """
    usage: dict[str, Any] | None = get_usage(
        request, group=policy, key=lambda group, request: key, rate=rate, increment=True
    )
    limit, window_seconds = window_of(rate)
    if usage is None or usage["limit"] == 0:
        raise catalogue.InternalError(note="rate limit has no count")
    return RateUsage(
        policy=policy,
        limit=limit,
        used=int(usage["count"]),
        window_seconds=window_seconds,
        # A window holds its last second too: who waits until then is refused once more (tried).
        resets_in_seconds=max(1, int(usage["time_left"]) + 1),
    )


def window_of(rate: str) -> tuple[int, int]:
    """`60/m` as its count and the length of its window in seconds."""
    limit, window_seconds = _split_rate(rate)
    return int(limit), int(window_seconds)
