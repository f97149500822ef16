"""Any file without a processor of its own: what can be said of it as a whole."""

from __future__ import annotations

from filesvc.metadata import FileMetadata
from filesvc.processors.subject import Description, Subject


def describe_whole(subject: Subject) -> Description:
    """Size, type and the digest, which was computed again from the kept bytes."""
    return Description(
        FileMetadata(size=subject.size_bytes, media_type=subject.media_type, sha256=subject.sha256)
    )
