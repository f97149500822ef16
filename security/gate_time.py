"""Times one gate of an upload: as a metric always, as a span where the request is traced."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import sentry_sdk

from errors.metrics import GATE_SECONDS


@contextlib.contextmanager
def in_gate(gate: str) -> Iterator[None]:
    """Whatever runs inside is spent in `gate`, a name of ours, refused or not."""
    with GATE_SECONDS.labels(gate).time(), in_span("gate", gate):
        yield


@contextlib.contextmanager
def in_span(kind: str, name: str) -> Iterator[None]:
    """A span of the trace that is under way; nothing without one, which is the usual case."""
    if sentry_sdk.get_current_span() is None:
        yield
        return
    with sentry_sdk.start_span(op=kind, name=name):
        yield
