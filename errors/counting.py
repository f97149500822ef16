"""Counts every error that is answered, by its code."""

from __future__ import annotations

from errors.base import ServiceError
from errors.metrics import ERRORS


def count_error(error: ServiceError) -> None:
    """One more of this code; called where errors are logged, the one place all of them pass."""
    ERRORS.labels(code=error.code, status=str(error.status)).inc()
