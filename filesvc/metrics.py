"""GET /metrics: the counters of all processes, in Prometheus' text form."""

from __future__ import annotations

import os

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from filesvc.renderers import JsonRenderer, TextRenderer
from filesvc.views import PublicView


class MetricsView(PublicView):
    """Numbers only; the proxy in front does not route it."""

    renderer_classes: tuple[type[BaseRenderer], ...] = (TextRenderer, JsonRenderer)

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        """Every counter."""
        return HttpResponse(generate_latest(registry()), content_type=CONTENT_TYPE_LATEST)


def registry() -> CollectorRegistry:
    """The counters of every process that shares the folder, or this process's own."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    collected = CollectorRegistry()
    MultiProcessCollector(collected)  # type: ignore[no-untyped-call]
    return collected
