"""Catalogue errors to try: one of each, and any of each."""

from __future__ import annotations

import typing
from typing import Any

from hypothesis import strategies as st

from errors.base import Place, ServiceError
from errors.catalogue import CATALOGUE

REQUEST_ID = "0123456789abcdef" * 2
# The ones HTTP answers with; a failure of processing is told inside a File instead.
ANSWERED = {code: error for code, error in CATALOGUE.items() if error.status >= 400}

_EXAMPLES: dict[Any, Any] = {int: 5, str: "upload", list[str]: ["GET", "HEAD"]}
# Public details are the service's own words, never a client's.
_OWN_WORDS = st.text("abcdefghijklmnopqrstuvwxyz/_-", min_size=1, max_size=20)
_ANY: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(0, 2**40),
    str: _OWN_WORDS,
    list[str]: st.lists(_OWN_WORDS, max_size=6),
}


def details_of(error: type[ServiceError]) -> dict[str, Any]:
    """The types of the public details."""
    hints = typing.get_type_hints(error)
    return {name: hints[name] for name in error.meta_names()}


def example(error: type[ServiceError], **more: Any) -> ServiceError:
    """One instance, its details filled in."""
    details = {name: _EXAMPLES[kind] for name, kind in details_of(error).items()}
    return error(**{**details, **more})


@st.composite
def any_error(draw: st.DrawFn) -> ServiceError:
    """Any error of the catalogue, with any details, places, note and wait."""
    error = draw(st.sampled_from(list(ANSWERED.values())))
    details = {name: draw(_ANY[kind]) for name, kind in details_of(error).items()}
    places = st.tuples(st.sampled_from(typing.get_args(Place)), _OWN_WORDS)
    return error(
        places=tuple(draw(st.lists(places) | st.lists(places, min_size=19, max_size=25))),
        note=draw(st.none() | st.text()),
        retry_after_seconds=draw(st.none() | st.integers(1, 86400)),
        **details,
    )
