"""Logs as JSON lines on standard error; reports and traces to Sentry when it has an address."""

from __future__ import annotations

import logging
import logging.config
import secrets
import sys
from collections.abc import Callable, Iterable
from typing import Any

import sentry_sdk
import structlog
from sentry_sdk.integrations.celery import CeleryIntegration
from sentry_sdk.integrations.django import DjangoIntegration
from sentry_sdk.integrations.logging import ignore_logger
from structlog.typing import EventDict, Processor

from security.redaction import redact_event, redact_transaction

# Anyone may trigger these without a token; they are counted, not reported.
NOISY_LOGGERS = ("django.security.*", "django.request")
UNTRACED = ("/health", "/metrics")
Application = Callable[[dict[str, Any], Any], Iterable[bytes]]

_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def _hand_over(logger: Any, name: str, event: EventDict) -> tuple[tuple[EventDict], dict[str, Any]]:
    """To `logging`, with the exception where Sentry looks for it: on the record."""
    line, more = structlog.stdlib.ProcessorFormatter.wrap_for_formatter(logger, name, event)
    return line, {**more, "exc_info": event.get("exc_info")}


def configure_logging(level: str) -> None:
    """One line of ASCII JSON per event, ours and the libraries', in one format."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            _hand_over,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "json": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": _SHARED,
                    "processors": [
                        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                        structlog.processors.format_exc_info,
                        structlog.processors.JSONRenderer(),
                    ],
                }
            },
            "handlers": {
                "stderr": {
                    "class": "config.log_stream.PatientHandler",
                    "stream": sys.stderr,
                    "formatter": "json",
                }
            },
            "root": {"handlers": ["stderr"], "level": level},
            "loggers": {
                # The error handler writes the one line of each error; Django would add a second.
                "django.request": {"level": "CRITICAL"},
                "django.security": {"level": "CRITICAL"},
                "celery": {"level": "WARNING"},
                "kombu": {"level": "WARNING"},
                "pikepdf": {"level": "WARNING"},  # says that it is there
            },
        }
    )


def configure_sentry(dsn: str | None, release: str, traces_sample_rate: float = 0.0) -> None:
    """Report unforeseen errors, and trace that share of the requests.

    Never a body, a local variable, a name, an address or anything else a client sent.
    """
    if dsn is None:
        return
    for name in NOISY_LOGGERS:
        ignore_logger(name)
    sentry_sdk.init(
        dsn=dsn,
        release=f"filesvc@{release}",
        integrations=[DjangoIntegration(), CeleryIntegration()],
        max_request_body_size="never",
        include_local_variables=False,
        send_default_pii=False,
        shutdown_timeout=2,
        before_send=redact_event,
        traces_sampler=choose_traced(traces_sample_rate) if traces_sample_rate else None,
        before_send_transaction=redact_transaction,
        trace_propagation_targets=[],
    )


def choose_traced(rate: float) -> Callable[[dict[str, Any]], float]:
    """Which share of what begins now is traced: none of the pages that machines ask for.

    A task is traced when the request was that rang for it.
    """

    def choose(beginning: dict[str, Any]) -> float:
        if beginning["parent_sampled"] is not None:
            return float(beginning["parent_sampled"])
        path = (beginning.get("wsgi_environ") or {}).get("PATH_INFO", "")
        return 0.0 if path.startswith(UNTRACED) else rate

    return choose


def under_our_trace(app: Application) -> Application:
    """The WSGI application in a trace whose id is the request's own.

    One id then leads from the edge through log and task to Sentry. What a client sends as its
    trace is dropped: it would choose what is sampled, and its words would be reported.
    """

    def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ.pop("HTTP_BAGGAGE", None)
        environ["HTTP_SENTRY_TRACE"] = f"{environ['filesvc.request_id']}-{secrets.token_hex(8)}"
        return app(environ, start_response)

    return serve
