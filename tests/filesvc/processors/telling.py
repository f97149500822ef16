"""Asks a processor what it finds in some bytes."""

from __future__ import annotations

import hashlib
import io
from typing import Any

from filesvc.processors.subject import Processor, Subject


def tell(processor: Processor, content: bytes) -> dict[str, Any]:
    """The metadata the processor tells of a file of these bytes."""
    source = io.BytesIO(content)
    digest = hashlib.sha256(content).hexdigest()
    found = processor(Subject("application/octet-stream", len(content), digest, source))
    return found.metadata.model_dump()


def refusal(processor: Processor, content: bytes) -> str | None:
    """The code of what keeps a file of these bytes from being handed out, though it is readable."""
    found = processor(Subject("application/octet-stream", len(content), "", io.BytesIO(content)))
    return found.refusal.code if found.refusal else None
