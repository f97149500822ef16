"""The list of files: strict parameters, newest first, pages that stay stable as files arrive."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict

from errors import catalogue
from filesvc.models import File
from filesvc.serializers import ListQuery

# parameter -> the condition it stands for
FILTERS = {
    "processed": "processed",
    "status": "status",
    "media_type": "media_type",
    "uploaded_after": "uploaded_at__gt",
    "uploaded_before": "uploaded_at__lt",
    "sha256": "sha256",
}
NEXT, PREVIOUS = "n", "p"


@dataclass(frozen=True)
class Page:
    """One page, and the paths of its neighbours."""

    files: list[File]
    next: str | None
    previous: str | None


def read_query(params: QueryDict) -> dict[str, Any]:
    """The parameters, each known, once and valid.

    Raises InvalidParameter, naming ours and never a client's.
    """
    known = ListQuery().fields
    faulty = {
        name if name in known else "" for name in params if not _is_single(params, name, known)
    }
    query = ListQuery(data=params.dict())
    if not query.is_valid():
        faulty |= set(query.errors)
    if faulty:
        raise catalogue.InvalidParameter(places=tuple(("query", name) for name in sorted(faulty)))
    return dict(query.validated_data)


def find_page(visible: Any, params: QueryDict, path: str) -> Page:
    """The page the parameters ask for; `visible` is what the client may know of.

    Raises InvalidParameter.
    """
    query = read_query(params)
    size = query["page_size"]
    found = visible.filter(**{FILTERS[name]: query[name] for name in FILTERS if name in query})
    rows, came_from, backwards = _fetch(found, query.get("cursor"), size)
    more = len(rows) > size
    files = rows[:size][::-1] if backwards else rows[:size]
    links = _Links(params, path)
    return Page(
        files=files,
        next=links.to(NEXT, files[-1].id) if files and (more or backwards) else None,
        previous=links.to(PREVIOUS, files[0].id)
        if files and (came_from and not backwards or backwards and more)
        else None,
    )


def _fetch(found: Any, cursor: str | None, size: int) -> tuple[list[File], bool, bool]:
    """One row more than the page holds tells whether there is another page."""
    if cursor is None:
        return list(found.order_by("-id")[: size + 1]), False, False
    position = uuid.UUID(cursor[1:])
    if cursor[0] == NEXT:
        return list(found.filter(id__lt=position).order_by("-id")[: size + 1]), True, False
    return list(found.filter(id__gt=position).order_by("id")[: size + 1]), True, True


@dataclass(frozen=True)
class _Links:
    params: QueryDict
    path: str

    def to(self, direction: str, position: uuid.UUID) -> str:
        """A path with its query, never an absolute URL: that would be built from Host."""
        query = self.params.dict() | {"cursor": direction + position.hex}
        return f"{self.path}?{urlencode(query)}"


def _is_single(params: QueryDict, name: str, known: Any) -> bool:
    return name in known and len(params.getlist(name)) == 1
