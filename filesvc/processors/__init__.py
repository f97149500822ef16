"""What is found out about a kept file, by its type: one table, one file per kind.

Processors run in a process of their own that holds no secret and can open nothing
(filesvc.sandbox); they know neither Django nor the database.
"""

from __future__ import annotations

from filesvc.processors.archives import describe_archive
from filesvc.processors.audio import describe_audio
from filesvc.processors.csv_table import describe_csv
from filesvc.processors.documents import describe_document
from filesvc.processors.images import describe_image
from filesvc.processors.json_document import describe_json
from filesvc.processors.pdf import describe_pdf
from filesvc.processors.presentations import describe_presentation
from filesvc.processors.spreadsheets import describe_spreadsheet
from filesvc.processors.subject import Description, Processor, Subject
from filesvc.processors.text import describe_text
from filesvc.processors.whole import describe_whole

OOXML = "application/vnd.openxmlformats-officedocument."

PROCESSORS: dict[str, Processor] = {
    "image/png": describe_image,
    "image/jpeg": describe_image,
    "image/gif": describe_image,
    "image/webp": describe_image,
    "image/tiff": describe_image,
    "image/bmp": describe_image,
    "text/plain": describe_text,
    "text/csv": describe_csv,
    "text/tab-separated-values": describe_csv,
    "text/markdown": describe_text,
    "application/json": describe_json,
    "application/pdf": describe_pdf,
    f"{OOXML}wordprocessingml.document": describe_document,
    f"{OOXML}spreadsheetml.sheet": describe_spreadsheet,
    f"{OOXML}presentationml.presentation": describe_presentation,
    "audio/vnd.wave": describe_audio,
    "audio/mpeg": describe_audio,
    "audio/flac": describe_audio,
    "audio/ogg": describe_audio,
    "application/zip": describe_archive,
}


def describe(subject: Subject) -> Description:
    """What is found out about one file.

    Raises what the processor of its type raises.
    """
    return PROCESSORS.get(subject.media_type, describe_whole)(subject)
