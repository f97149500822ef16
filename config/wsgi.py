"""The WSGI application: Django inside the guard, in a process that ends with its parent."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from config.stopping import stop_in_order

stop_in_order()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django_application = get_wsgi_application()

# Only now, because these import models. Celery's tasks belong to the application made last.
import config.celery  # noqa: E402, F401
from config.observability import under_our_trace  # noqa: E402
from config.request_id import choose_request_id  # noqa: E402
from config.unread import end_unread  # noqa: E402
from errors.wsgi_guard import WsgiGuard  # noqa: E402
from filesvc.blobs import prepare_storage  # noqa: E402
from filesvc.checks import refuse_to_start  # noqa: E402
from security import canary  # noqa: E402
from security.concurrency import client_slots, entrance_slots  # noqa: E402

PARENT_CHECK_SECONDS = 1.0


def end_with_parent(
    parent: int,
    *,
    check_seconds: float = PARENT_CHECK_SECONDS,
    ask_parent: Callable[[], int] = os.getppid,
) -> None:
    """Stop this process when its server's main process is gone.

    A killed granian main leaves its workers serving on the port for ever (measured).
    """
    never = threading.Event()
    while ask_parent() == parent:
        never.wait(check_seconds)
    os.kill(os.getpid(), signal.SIGTERM)


refuse_to_start()
prepare_storage()
threading.Thread(target=end_with_parent, args=(os.getppid(),), daemon=True).start()
threading.Thread(
    target=canary.ask_forever, args=(canary.process_ends,), name="canary", daemon=True
).start()
threading.Thread(
    target=end_unread, args=(settings.DOWNLOAD_STALL_SECONDS,), name="unread", daemon=True
).start()
application = WsgiGuard(
    under_our_trace(django_application), choose_request_id, client_slots, entrance_slots
)
