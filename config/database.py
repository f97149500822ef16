"""Time-outs for every wait on PostgreSQL; once it is connected, the driver has none."""

from __future__ import annotations

import functools
from typing import Any

# After the server's own statement_timeout, which tells more and comes first while it can.
REPLY_SECONDS = 11.0


def bound_waits(connection: Any, **kwargs: Any) -> None:
    """Receives `connection_created`: from now on a missing reply is an OperationalError.

    A frozen server, or one behind a network that swallows, keeps the connection alive and
    says nothing: it held its thread for ever (measured).
    """
    if connection.vendor == "postgresql":
        driver = connection.connection
        driver.wait = functools.partial(driver.wait, timeout=REPLY_SECONDS)
