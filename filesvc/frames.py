"""The protocol between the confined process and its parent: one JSON object at a time."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from errors.base import ServiceError
from filesvc.metadata import Metadata

MAX_NOTE = 200
MAX_TRACEBACK = 4000

Stage = Annotated[str, Field(pattern="^[a-z_]{1,32}$")]


class Frame(BaseModel):
    """Nothing but the declared fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Question(Frame):
    """The file to describe; its open descriptor comes along."""

    media_type: str
    size_bytes: int
    sha256: str


class ToldError(Frame):
    """An error of the catalogue."""

    code: str
    meta: dict[str, Any]
    note: Annotated[str, Field(max_length=MAX_NOTE)]


class Told(Frame):
    """One thing at a time: ready, progress, what was found, an error, or a traceback.

    A preview follows what was found as a frame of plain bytes.
    """

    is_ready: bool = False
    progress: tuple[Stage, Annotated[int, Field(ge=0, le=100)]] | None = None
    metadata: Metadata | None = None
    refusal: ToldError | None = None
    has_preview: bool = False
    error: ToldError | None = None
    crash: Annotated[str, Field(max_length=MAX_TRACEBACK)] | None = None


def tell_error(error: ServiceError) -> ToldError:
    """An error of the catalogue as a frame has it."""
    return ToldError(code=error.code, meta=error.meta, note=(error.note or "")[:MAX_NOTE])
