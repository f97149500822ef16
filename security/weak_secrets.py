"""Tells a secret that somebody generated from one that was left at an example or can be guessed."""

from __future__ import annotations

import re

MIN_LENGTH = 12
MIN_DIFFERENT_LETTERS = 8
# What examples are filled with; a generated secret holds none of it.
_PLACEHOLDER = re.compile(r"change|insecure|example|placeholder|secret|default|password", re.I)


def is_weak(secret: str, user: str = "") -> bool:
    """True for what nobody generated; none at all, and the name of its user, are weak too."""
    return (
        len(secret) < MIN_LENGTH
        or len(set(secret)) < MIN_DIFFERENT_LETTERS
        or secret.lower() == user.lower()
        or bool(_PLACEHOLDER.search(secret))
    )
