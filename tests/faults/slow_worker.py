"""The worker's application as tests slow it down: `SLOW_WORKER` says what is different.

Run as `celery -A tests.faults.slow_worker worker`. A file that says "dawdle 3" is described by
the real program, three seconds after it was asked to be; with "deaf" behind that, Celery's own
limits go unheard until it kills.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import threading
from typing import Any

from celery.signals import celeryd_init, worker_process_init

from config.celery import app

__all__ = ["app"]

# Like {"visibility_timeout": 2} or {"task_time_limit": 3}.
DIFFERENT: dict[str, Any] = json.loads(os.environ.get("SLOW_WORKER", "{}"))
TRANSPORT = ("visibility_timeout", "unacked_restore_interval", "unacked_restore_throttle")


@celeryd_init.connect
def configure(conf: Any = None, **kwargs: Any) -> None:
    """After the product's own word."""
    told = {name: value for name, value in DIFFERENT.items() if name in TRANSPORT}
    conf.broker_transport_options = {**conf.broker_transport_options, **told}
    for name in set(DIFFERENT) - set(TRANSPORT):
        conf[name] = DIFFERENT[name]


@worker_process_init.connect
def dawdle(**kwargs: Any) -> None:
    """In each process of the pool, before its first file."""
    processing: Any = importlib.import_module("filesvc.processing")
    describe = processing.describe_confined

    def describe_late(file: Any, source: Any, report: Any) -> Any:
        said = source.read(30).split()
        source.seek(0)
        if said[2:] == [b"deaf"]:
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGTERM])
        if said[:1] == [b"dawdle"]:
            threading.Event().wait(float(said[1]))
        return describe(file, source, report)

    processing.describe_confined = describe_late
