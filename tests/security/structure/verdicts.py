"""What a gate says of some bytes, as one word."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from typing import BinaryIO

from errors.base import ServiceError
from security.policy import OOXML
from security.structure import INSPECTORS
from security.structure.zip_archive import inspect_zip

OFFICE_TYPES = {
    "docx": f"{OOXML}wordprocessingml.document",
    "xlsx": f"{OOXML}spreadsheetml.sheet",
    "pptx": f"{OOXML}presentationml.presentation",
}


def verdict_of(inspect: Callable[[BinaryIO, int], None], content: bytes) -> str:
    """`accepted`, or the code of the refusal."""
    try:
        inspect(io.BytesIO(content), len(content))
    except ServiceError as error:
        return error.code if error.note else "refused without a note"
    return "accepted"


zip_verdict = partial(verdict_of, inspect_zip)


def office_verdict(content: bytes, extension: str = "docx") -> str:
    """The same for an office file under that extension."""
    return verdict_of(INSPECTORS[OFFICE_TYPES[extension]], content)
