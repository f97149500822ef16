"""Does something in a process of its own, and ends that process without a word at one point.

Nothing is tidied up on the way: no `finally`, no `except`, no buffer is flushed.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import os
from collections.abc import Callable
from typing import Any
from unittest import mock

from django.db import connections

DIED = 99
# A child of a process with threads may inherit a lock that nobody gives back: it hung for ever,
# once. It then says where, and ends.
HANGS_SECONDS = 120.0
# Where an upload may die (RELIABILITY C1 to C4) and what it has by then: nothing that counts,
# bytes without a row, or both.
UPLOAD_POINTS = {
    "staged": ("filesvc.intake.scan_for_malware", "nothing"),
    "promoted": ("filesvc.storage._commit", "bytes"),
    "inserted": ("filesvc.idempotency.HeldKey.keep_accepted", "bytes"),
    "committed": ("filesvc.storage.ring_doorbell", "file"),
    "rung": ("filesvc.views.UploadView.finalize_response", "file"),
}
DELETE_POINTS = {"row_gone": "filesvc.storage.delete_blob"}


def die(*args: Any, **kwargs: Any) -> None:
    """As SIGKILL would have it."""
    os._exit(DIED)


def run_until(target: str, work: Callable[[], Any]) -> bool:
    """Do it in a child that dies when it comes to `target`; True when it came that far."""

    def work_until_then(die: Callable[..., None]) -> None:
        with mock.patch(target, die):
            work()

    return run_until_dead(work_until_then)


def run_until_dead(work: Callable[[Callable[..., None]], Any]) -> bool:
    """Do it in a child, which is given the way to die; True when it took it."""
    connections.close_all()  # one connection in two processes serves neither
    child = os.fork()
    if child == 0:
        gc.disable()  # a look at every object would copy every page of the tests
        with contextlib.suppress(BaseException):
            faulthandler.dump_traceback_later(HANGS_SECONDS, exit=True, file=2)
            work(die)
            os._exit(0)
        os._exit(1)  # a child that went on would be a second run of the tests
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, DIED), f"the child ended with {code}"
    return code == DIED
