"""How a text is encoded: UTF-8, or UTF-16 with its mark, and nothing else comes in.

The gate and the processors read the same bytes the same way, so this module knows neither of
them. Guessing (charset-normalizer) would add nothing: what does not decode is refused before.
"""

from __future__ import annotations

import codecs


def text_encoding(head: bytes) -> str:
    """The encoding its first bytes announce: `utf-16` with a mark, else `utf-8-sig`."""
    return "utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
