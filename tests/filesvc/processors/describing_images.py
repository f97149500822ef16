"""Asks the image processor what it finds in some bytes."""

from __future__ import annotations

import io
from collections.abc import Callable

from filesvc.metadata import ImageMetadata
from filesvc.processors.images import describe_image
from filesvc.processors.subject import Description, Subject, tell_nobody


def describe(
    content: bytes, kind: str, report: Callable[[str, int], None] = tell_nobody
) -> Description:
    """What is found in the bytes, read as that kind of image."""
    subject = Subject(f"image/{kind.lower()}", len(content), "", io.BytesIO(content), report)
    return describe_image(subject)


def told(content: bytes, kind: str) -> ImageMetadata:
    """The metadata alone."""
    metadata = describe(content, kind).metadata
    assert isinstance(metadata, ImageMetadata)
    return metadata
