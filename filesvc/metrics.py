"""GET /metrics: what all processes here have counted, and what the database knows now."""

from __future__ import annotations

from collections.abc import Iterable

import structlog
from django.db import Error as DatabaseError
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from errors.base import ServiceError
from errors.metrics import OLDEST_WAITING_SECONDS, SIGNATURE_AGE_SECONDS, Declared
from filesvc.exposition import registry
from filesvc.renderers import JsonRenderer, TextRenderer
from filesvc.shared_answers import SharedAnswer
from filesvc.views import PublicView
from filesvc.worker_progress import oldest_waiting_seconds
from security.concurrency import ClientSlots
from security.signatures import current_scanner

log = structlog.get_logger("metrics")

KNOWN_SECONDS = 5.0
# Older than two usual scrapes it would hide that the database does not answer.
USABLE_SECONDS = 30.0
MOST_WAITING = 2


class MetricsView(PublicView):
    """Numbers only; the proxy in front does not route it."""

    renderer_classes: tuple[type[BaseRenderer], ...] = (TextRenderer, JsonRenderer)

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        """Every declared metric (errors.metrics) that has a value."""
        counted, found = registry(), CollectorRegistry()
        found.register(at_scrape)
        told = generate_latest(counted) + generate_latest(found)
        return HttpResponse(told, content_type=CONTENT_TYPE_LATEST)


class AtScrape(Collector):
    """What nobody counts: asked for at a scrape, and not again for five seconds.

    What cannot be found out is absent, which an alert can ask for.
    """

    def __init__(self) -> None:
        self._found = SharedAnswer(
            lambda: [*_tell_queue(), *_tell_signatures()],
            lambda _: KNOWN_SECONDS,
            usable_seconds=USABLE_SECONDS,
            room=ClientSlots(MOST_WAITING),
        )

    def collect(self) -> Iterable[Metric]:
        """One gauge each. Raises Overloaded when too many wait for a first answer."""
        return self._found.tell().answer

    def describe(self) -> Iterable[Metric]:
        """Nothing is asked when it is registered."""
        return ()


at_scrape = AtScrape()


def _tell_queue() -> Iterable[Metric]:
    try:
        yield _gauge(OLDEST_WAITING_SECONDS, oldest_waiting_seconds())
    except DatabaseError as error:
        log.warning("metrics.incomplete", error=type(error).__name__)


def _tell_signatures() -> Iterable[Metric]:
    try:
        age = current_scanner().age
    except ServiceError as error:
        log.warning("metrics.incomplete", error=error.code)
    else:
        if age is not None:
            yield _gauge(SIGNATURE_AGE_SECONDS, age.total_seconds())


def _gauge(declared: Declared, value: float) -> Metric:
    return GaugeMetricFamily(declared.name, declared.sentence, value=value)
