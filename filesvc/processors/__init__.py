"""What is found out about a kept file, by its type: one table, one file per kind.

Processors run in a process of their own that holds no secret and can open nothing
(filesvc.sandbox); they know neither Django nor the database.
"""

from __future__ import annotations

from filesvc.processors.images import describe_image
from filesvc.processors.subject import Description, Processor, Subject
from filesvc.processors.text import describe_text
from filesvc.processors.whole import describe_whole

PROCESSORS: dict[str, Processor] = {
    "image/png": describe_image,
    "image/jpeg": describe_image,
    "image/gif": describe_image,
    "image/webp": describe_image,
    "image/tiff": describe_image,
    "image/bmp": describe_image,
    "text/plain": describe_text,
    "text/csv": describe_text,
    "text/markdown": describe_text,
    "application/json": describe_text,
}


def describe(subject: Subject) -> Description:
    """What is found out about one file.

    Raises what the processor of its type raises.
    """
    return PROCESSORS.get(subject.media_type, describe_whole)(subject)
