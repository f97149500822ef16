"""Counts every error that is answered, by its code."""

from __future__ import annotations

from prometheus_client import Counter

from errors.base import ServiceError

# Counted where errors are logged, the one place all of them pass.
ANSWERED = Counter("filesvc_errors", "Errors answered, by code and status.", ("code", "status"))


def count_error(error: ServiceError) -> None:
    """One more of this code."""
    ANSWERED.labels(code=error.code, status=str(error.status)).inc()
