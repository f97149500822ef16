"""What may lie in the limiter's Redis: whole numbers, and never a pickle (CWE-502)."""

from __future__ import annotations


class WholeNumbers:
    """Django's own serializer unpickles whatever it finds that is no number.

    Whoever can write to Redis could then run code here; a number is all that limits need.
    """

    def dumps(self, value: object) -> int:
        """The number as it is. Raises TypeError for anything else."""
        if type(value) is not int:
            raise TypeError("a count is a whole number")
        return value

    def loads(self, kept: bytes) -> int:
        """The number in it. Raises ValueError for anything else."""
        return int(kept)
