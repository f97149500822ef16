"""Logs as JSON lines on standard error, and reports to Sentry when it has an address."""

from __future__ import annotations

import logging
import logging.config
import sys
from typing import Any

import sentry_sdk
import structlog
from sentry_sdk.integrations.celery import CeleryIntegration
from sentry_sdk.integrations.django import DjangoIntegration
from sentry_sdk.integrations.logging import ignore_logger
from structlog.typing import EventDict, Processor

from security.redaction import redact_event

# Anyone may trigger these without a token; they are counted, not reported.
NOISY_LOGGERS = ("django.security.*", "django.request")

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
            },
        }
    )


def configure_sentry(dsn: str | None, release: str) -> None:
    """Report unforeseen errors; never a body, a local variable, a name or an address."""
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
    )
