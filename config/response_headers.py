"""The headers every answer carries, refusal or not (OWASP ASVS 5.0 V3.4)."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from errors.problem import FIXED_HEADERS


class AddResponseHeaders:
    """Middleware: private data is not cached, guessed at, framed or run."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        for name, value in FIXED_HEADERS.items():
            response.headers.setdefault(name, value)
        return response
