"""The Celery application: a doorbell over Redis, nothing kept in it."""

from __future__ import annotations

import logging
import os
from typing import Any

from celery import Celery
from celery.signals import celeryd_init, setup_logging, worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings

from filesvc.deadlines import VISIBILITY_SECONDS, task_hard_seconds, task_soft_seconds

# Who rings must not wait: a frozen Redis held a default client for ever (measured).
PUBLISHER_TRANSPORT: dict[str, Any] = {
    "socket_connect_timeout": 0.25,
    "socket_timeout": 0.25,
    "max_retries": 1,
    "visibility_timeout": VISIBILITY_SECONDS,
}
# Who listens blocks on purpose; 5 s is stable while idle (measured).
WORKER_TRANSPORT: dict[str, Any] = {
    "socket_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 25,
    "visibility_timeout": VISIBILITY_SECONDS,
}

app = Celery("filesvc")
app.conf.update(
    broker_url=settings.BROKER_URL,
    broker_transport_options=PUBLISHER_TRANSPORT,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_pool_limit=settings.WEB_THREADS,
    result_backend=None,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    task_acks_late=True,
    task_time_limit=task_hard_seconds(),
    task_soft_time_limit=task_soft_seconds(),
    # Not `task_publish_retry=False`, which waited 6 s for a refused connection (measured).
    task_publish_retry_policy={"max_retries": 0, "interval_start": 0, "interval_max": 0},
    worker_prefetch_multiplier=1,
    worker_concurrency=settings.WORKER_CONCURRENCY,
    # As many as its confined process serves (filesvc.sandbox), which ends with it.
    worker_max_tasks_per_child=1000,
    worker_max_memory_per_child=300_000,
    # TERM is a warm shutdown: what runs is finished. Celery's soft shutdown sleeps its whole
    # time-out even when the task ends at once (measured: 40 s for a 10 ms task), and a task
    # that outlives the stop is found again by its lapsed lease.
    worker_cancel_long_running_tasks_on_connection_loss=True,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    task_send_sent_event=False,
    timezone="UTC",
)
# In every thread: as the current application it would be one of this thread alone, and the
# threads that serve requests would ring at Celery's own default address (measured).
app.set_default()
app.autodiscover_tasks(["filesvc"])


@celeryd_init.connect
def listen_patiently(conf: Any = None, **kwargs: Any) -> None:
    """A worker listens with other time-outs than a publisher."""
    conf.broker_transport_options = WORKER_TRANSPORT


@setup_logging.connect
def keep_our_logging(**kwargs: Any) -> None:
    """Connecting is enough: Celery then leaves the logging of config.observability alone."""


@worker_ready.connect
def stop_when_deaf(**kwargs: Any) -> None:
    """A worker that could not acknowledge ends, and its supervisor starts another.

    Celery only logs it and keeps the message's place taken: with each such loss it listens
    with one ear less, and at last to nothing, for ever (measured: a connection that was
    half open at that moment).
    """
    logging.getLogger("celery.worker.request").addFilter(notice_lost_acknowledgement)


@worker_ready.connect
def tell_metrics(**kwargs: Any) -> None:
    """A worker serves no requests, so it tells its metrics on a port of its own."""
    from filesvc.exposition import serve_metrics  # no business of a process that only rings

    serve_metrics()


def notice_lost_acknowledgement(record: logging.LogRecord) -> bool:
    """Lets every line pass; this one asks for a warm stop with an exit status of its own."""
    from celery.worker import state  # no business of a process that only rings

    if record.levelno == logging.CRITICAL and str(record.msg).startswith("Couldn't ack"):
        state.should_stop = os.EX_TEMPFAIL  # type: ignore[assignment]  # typed as it begins
    return True
