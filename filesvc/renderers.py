"""Renders JSON, and is lenient about the Accept header."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from errors.problem import CONTENT_TYPE

_WORD = r"[\w!#$%&'*+.^`|~-]+"
_MEDIA_RANGE = re.compile(rf"\s*({_WORD}/{_WORD})\s*(?:;|\Z)", re.ASCII)


class JsonRenderer(JSONRenderer):
    """Plain JSON."""

    charset = None


class ProblemRenderer(JSONRenderer):
    """For clients that accept only problems; their successes are plain JSON all the same."""

    media_type = CONTENT_TYPE
    charset = None


class _ForeignRenderer(BaseRenderer):
    """Says that a form can be had; the answer itself is made by its view."""

    def render(self, data: Any, *args: Any, **kwargs: Any) -> bytes:
        """The text as it is."""
        return str(data).encode()


class HtmlRenderer(_ForeignRenderer):
    """Pages."""

    media_type = "text/html"
    format = "html"


class TextRenderer(_ForeignRenderer):
    """Prometheus' text."""

    media_type = "text/plain"
    format = "txt"


class AcceptNegotiation(DefaultContentNegotiation):
    """An Accept header that cannot be parsed means `*/*` (RFC 9110, section 12.4.1)."""

    def get_accept_list(self, request: Request) -> list[str]:
        """The media ranges that are some, without their parameters, else `*/*`."""
        ranges = map(_MEDIA_RANGE.match, super().get_accept_list(request))
        return [found[1] for found in ranges if found] or ["*/*"]

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[Any, str]:
        """The renderer, and never the client's own spelling of the media type."""
        renderer, _ = super().select_renderer(request, renderers, format_suffix)
        if isinstance(renderer, ProblemRenderer):
            renderer = JsonRenderer()  # a success is no problem
        return renderer, str(renderer.media_type)


class AnyAccept(AcceptNegotiation):
    """For bytes: they are what they are, whatever the client would rather have."""

    def get_accept_list(self, request: Request) -> list[str]:
        """Anything."""
        return ["*/*"]
