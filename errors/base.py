"""What every refusal is: an exception that carries its own public face.

A subclass declares a code, a status, a title and a sentence (its docstring).
Its dataclass fields are the public details; `note` is for operators only.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Literal

Place = Literal["part", "body", "query", "path", "header"]


@dataclasses.dataclass(frozen=True)
class Fault:
    """One thing wrong in one place of the request, named in our own words."""

    code: str
    detail: str
    place: Place
    name: str


@dataclasses.dataclass(eq=False, kw_only=True)
class ServiceError(Exception):
    """An error the catalogue knows.

    `eq=False` keeps instances hashable, as `raise` needs; not frozen, because
    the interpreter writes the traceback onto the instance.
    """

    code: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]
    advice: ClassVar[str] = "Correct the request before sending it again."
    stage: ClassVar[str] = "request"
    retryable: ClassVar[bool] = False
    # Ours to mend, so it is reported; by status alone unless a class says otherwise.
    is_ours: ClassVar[bool | None] = None
    place: ClassVar[tuple[Place, str] | None] = None

    retry_after_seconds: int | None = None
    places: tuple[tuple[Place, str], ...] = ()
    note: str | None = None

    @property
    def sentence(self) -> str:
        """The docstring, with the public details filled in."""
        first_line = (type(self).__doc__ or "").strip().splitlines()[0]
        return first_line.format(**self.meta)

    @property
    def meta(self) -> dict[str, Any]:
        """The public details, as they are sent under `meta`."""
        return {name: getattr(self, name) for name in self.meta_names()}

    @classmethod
    def meta_names(cls) -> tuple[str, ...]:
        """Names of the public details, in the order they are declared."""
        private = {field.name for field in dataclasses.fields(ServiceError)}
        return tuple(field.name for field in dataclasses.fields(cls) if field.name not in private)

    @classmethod
    def meta_types(cls) -> dict[str, str]:
        """Names of the public details with the types they are declared with."""
        types = {field.name: str(field.type) for field in dataclasses.fields(cls)}
        return {name: types[name] for name in cls.meta_names()}

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is wrong, place by place; empty when no place is at fault."""
        places = self.places or ((self.place,) if self.place else ())
        return tuple(Fault(self.code, self.sentence, place, name) for place, name in places)

    @classmethod
    def is_reported(cls) -> bool:
        """True for what an operator has to hear of: our failures and broken dependencies."""
        return cls.status >= 500 if cls.is_ours is None else cls.is_ours

    @property
    def headers(self) -> dict[str, str]:
        """The headers this error adds to the answer."""
        return {}

    def __str__(self) -> str:
        return f"{self.code}: {self.note}" if self.note else self.code

    def __reduce__(self) -> tuple[Any, ...]:
        """Keyword-only exceptions do not pickle by themselves; Celery pickles them."""
        state = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return _rebuild, (type(self), state)


def _rebuild(error: type[ServiceError], state: dict[str, Any]) -> ServiceError:
    return error(**state)
