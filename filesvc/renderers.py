"""JSON out, and an Accept header read with good will."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from errors.problem import CONTENT_TYPE


class JsonRenderer(JSONRenderer):
    """Plain JSON."""

    charset = None


class ProblemRenderer(JSONRenderer):
    """For clients that accept only problems; their successes are plain JSON all the same."""

    media_type = CONTENT_TYPE
    charset = None


class AcceptNegotiation(DefaultContentNegotiation):
    """An Accept header that cannot be parsed means `*/*` (RFC 9110, section 12.4.1)."""

    def get_accept_list(self, request: Request) -> list[str]:
        """The media ranges that are some, else `*/*`."""
        ranges: list[str] = super().get_accept_list(request)
        return [text for text in ranges if text.count("/") == 1] or ["*/*"]

    def select_renderer(
        self,
        request: Request,
        renderers: Sequence[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[Any, str]:
        """The renderer, and never the client's own spelling of the media type."""
        renderer, _ = super().select_renderer(request, renderers, format_suffix)
        return renderer, str(renderer.media_type)
